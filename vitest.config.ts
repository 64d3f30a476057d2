// The test runner's settings: one global set-up that finds or starts RabbitMQ, and long time limits, since tests start
// real processes.
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Hides warnings of source maps that packages do not ship.
  logLevel: 'error',
  test: {
    include: ['test/**/*.test.ts'],
    // Two on two cores as well: the tests mostly wait.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // It imports JSON without an import attribute, which Node refuses.
    server: { deps: { inline: ['@actions/workflow-parser'] } },
  },
});
