import { defineConfig } from 'vitest/config';

/** Unit tests need nothing but Node; interop tests need root, namespaces and the routers of scripts/apt-packages.txt. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/interop/**', 'test/netns/**', 'test/vm/**', 'test/package/**'],
          testTimeout: 20_000,
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
          maxWorkers: 2,
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
