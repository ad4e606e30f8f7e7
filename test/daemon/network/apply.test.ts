/** The loop that carries steps out, with a kernel that takes them all and heeds some. */
import { describe, expect, it } from 'vitest';
import { reach } from '../../../src/daemon/network/apply.ts';
import type { Kernel } from '../../../src/daemon/network/kernel.ts';
import { address } from '../../../src/lib/address.ts';
import type { Snapshot } from '../../../src/vrf/state.ts';
import { describeStep, type Step } from '../../../src/vrf/step.ts';
import { restorationOf } from '../../../src/vrf/target.ts';

const link = { kind: 'ethernet', mtu: 1500, up: true, master: null, alias: '' };
const before: Snapshot = {
  links: new Map(['eth0', 'eth1'].map((name) => [name, { name, ...link }])),
  addresses: new Map([['eth0', [{ address: address('192.0.2.1'), length: 24 }]]]),
  routes: [],
  rules: [],
  sysctls: new Map(),
};

/** Everything is there but the address, and the MTU of eth1 is another. */
class Deaf {
  readonly steps: string[] = [];
  private mtu = 1400;
  read(): Snapshot {
    const links = new Map([...before.links, ['eth1', { name: 'eth1', ...link, mtu: this.mtu }]]);
    return { ...before, links, addresses: new Map() };
  }
  take(step: Step): void {
    this.steps.push(describeStep(step));
    if (step.do === 'setLink') this.mtu = step.to.mtu ?? this.mtu;
  }
}
const scope = { sysctls: [], links: [], tables: [] };

describe('a step without effect', () => {
  it('is given up after a while where the rest can do without it', () => {
    const kernel = new Deaf();
    const problems = reach(
      kernel as unknown as Kernel,
      scope,
      (now) => restorationOf(before, now),
      () => true,
    );
    expect(problems).toEqual(['address add 192.0.2.1/24 dev eth0: has no effect']);
    expect(kernel.steps[0]).toBe('link set eth1 mtu 1500');
    expect(kernel.steps.slice(1)).toEqual(Array(3).fill('address add 192.0.2.1/24 dev eth0'));
  });

  it('ends it all where it had to be done', () => {
    const kernel = new Deaf();
    const all = () =>
      reach(
        kernel as unknown as Kernel,
        scope,
        (now) => restorationOf(before, now),
        () => false,
      );
    expect(all).toThrow('address add 192.0.2.1/24 dev eth0: has no effect');
  });
});
