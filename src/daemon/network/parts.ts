/** What the node's network is kept with: the kernel, the disk, and news of the kernel. Tests put others in their place. */
import { type Glance, glance } from './glance.ts';
import { Kernel } from './kernel.ts';
import { FileStore, type Store } from './store.ts';
import { Watch } from './watch.ts';

/** What it is made of. All but `glance` throw where this system has no such thing. */
export interface Parts {
  glance(sysctls: Iterable<string>): Glance | undefined;
  kernel(): Kernel;
  store(dir: string): Store;
  watch(own: number, changed: () => void): Pick<Watch, 'close'>;
}

export const realParts: Parts = {
  glance,
  kernel: () => new Kernel(),
  store: (dir) => new FileStore(dir),
  watch: (own, changed) => new Watch(own, changed),
};
