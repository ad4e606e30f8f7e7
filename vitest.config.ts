import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest begins first: else one worker has it before it when the others are done. */
const longest = [
  'cli/scale',
  'cli/run',
  'daemon/hostile',
  'cli/help',
  'bgp/collision',
  'interop/routers',
  'netns/l2',
  'package/container',
  'netns/layer2-daemon',
  'netns/unnumbered',
  'interop/bfd',
  'interop/lab',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** Unit tests need nothing but Node; interop tests need root, namespaces and the routers of scripts/apt-packages.txt. */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/interop/**', 'test/netns/**', 'test/vm/**', 'test/package/**'],
          // Tests share nothing but what they import: two hundred files need not load the same modules each for itself.
          isolate: false,
          // One for each of two cores; the default leaves one to whoever watches.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          // On a machine with ten times the work, each of them still ends: what hangs is found after all.
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['interop', 'netns', 'vm', 'package'].map((folder) => `test/${folder}/**/*.test.ts`),
          // Takes minutes: `npm run test:package`.
          exclude: ['test/package/debian.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          pool: 'forks',
          // Most of their time is waiting for others' timers. Namespaces and folders bear the number of their process.
          maxWorkers: 4,
          // Routers, kernels and virtual machines of others, on a machine that may be busy: one miss is not a finding.
          retry: 1,
        },
      },
      {
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          fileParallelism: false,
        },
      },
    ],
  },
});
