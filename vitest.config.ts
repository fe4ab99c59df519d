import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/**/*.soak.test.ts'],
    testTimeout: 60_000,
    pool: 'forks',
    // Usual is a worker less than there are processors: on two that would be one test after the other.
    maxWorkers: 2,
  },
});
