// The processor alone: a schedule needs no broker, and a run is one call.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Logger, ScheduleContext } from 'rococo-svchost';
import { CronLoggingServiceProcessor } from './processor.ts';

test('a run says how late it is, and how the one before it ended', () => {
  const logged: unknown[] = [];
  const log = { info: (fields: unknown) => logged.push(fields) } as unknown as Logger;
  const scheduledFor = new Date();
  const lastRun = {
    scheduledFor,
    startedAt: scheduledFor,
    endedAt: scheduledFor,
    outcome: 'failed',
  } as const;
  const { signal } = new AbortController();
  const send = () => Promise.resolve();
  const context: ScheduleContext = { scheduledFor, lastRun, log, signal, send };
  new CronLoggingServiceProcessor().process(context);
  const [{ lateByMs, lastOutcome }] = logged as [{ lateByMs: number; lastOutcome: string }];
  assert.ok(lateByMs >= 0 && lateByMs < 10_000);
  assert.equal(lastOutcome, 'failed');
});
