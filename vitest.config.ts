// The test runner's settings: one global set-up that finds or starts RabbitMQ, long limits for tests of real processes.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Its warnings are of source maps that packages do not ship.
  logLevel: 'error',
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // It imports JSON as only bundlers take it.
    server: { deps: { inline: ['@actions/workflow-parser'] } },
  },
});
