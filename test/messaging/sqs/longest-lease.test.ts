// SQS leaves a message with one receiver for 12 hours in all, and refuses to give more: on a clock that is moved.
import { expect, it, vi } from 'vitest';
import type { Delivery } from '../../../src/messaging/adapter.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { consume, createRig, done, eventsOf, remaining, type Rig } from './rig.ts';

const patience = { timeout: 15_000, interval: 5 };

const hourMs = 3_600_000;

const options = { visibilityTimeoutS: 5 * 3600 };

interface Asked {
  readonly atMs: number;
  readonly timeoutS: number;
}

/** A message in flight, leased for five hours at a time, and the renewals that SQS is asked for. */
async function work(rig: Rig, clock: TestClock) {
  const startedAt = clock.now();
  const queue = rig.createQueue();
  rig.fill(queue, 1);
  const asked: Asked[] = [];
  rig.proxy.rule = (action, body) => {
    // No second poll: its time limit would be a timer of the same clock.
    if (action === 'ReceiveMessage') return rig.proxy.calls[action] === 1 ? 'pass' : 'hang';
    if (action !== 'ChangeMessageVisibilityBatch') return 'pass';
    const [entry] = body['Entries'] as { VisibilityTimeout: number }[];
    asked.push({ atMs: clock.now() - startedAt, timeoutS: entry!.VisibilityTimeout });
    return 'pass';
  };
  const deliveries: Delivery[] = [];
  await consume(rig, queue, 1, (delivery) => void deliveries.push(delivery));
  await vi.waitFor(() => expect(deliveries).toHaveLength(1), patience);
  /** Moves on to the next renewal, and waits for SQS's answer. */
  const renew = async (): Promise<void> => {
    const count = asked.length;
    await clock.advance(clock.waits[0]!);
    await vi.waitFor(() => expect(asked).toHaveLength(count + 1), patience);
    // The call's own time limit is the nearest timer for as long as it lasts.
    await vi.waitFor(() => expect(clock.waits[0]).toBeGreaterThan(10_000), patience);
  };
  return { queue, startedAt, asked, delivery: deliveries[0]!, renew };
}

it('renews up to the twelve hours, then reports the lease as lost, and deletes nothing', async () => {
  const clock = new TestClock();
  await using rig = await createRig(options, clock);
  const { queue, startedAt, asked, delivery, renew } = await work(rig, clock);
  while ((asked.at(-1)?.timeoutS ?? 5 * 3600) === 5 * 3600) await renew();
  const last = asked.at(-1)!;
  const endMs = last.atMs + last.timeoutS * 1000;
  expect(endMs).toBeLessThanOrEqual(12 * hourMs);
  // To the second, and one second to spare.
  expect(endMs).toBeGreaterThan(12 * hourMs - 3_000);
  const renewals = asked.length;
  await clock.advance(startedAt + endMs - clock.now() - 1);
  expect([delivery.lost.aborted, asked.length]).toEqual([false, renewals]);
  await clock.advance(1);
  expect(delivery.lost.aborted).toBe(true);
  expect(eventsOf(rig, 'lease-lost')[0]!.error.message).toContain('12 hours');
  await delivery.settle(done);
  expect([rig.adapter.calls.delete, remaining(rig, queue)]).toEqual([0, 1]);
});

it('delays a retry by no more than the rest of them', async () => {
  const clock = new TestClock();
  await using rig = await createRig(options, clock);
  const { startedAt, asked, delivery, renew } = await work(rig, clock);
  await renew();
  await renew();
  const elapsedMs = clock.now() - startedAt;
  const error = { name: 'Error', message: 'no' };
  await delivery.settle({ kind: 'retry', delayMs: 24 * hourMs, error });
  const leftS = (12 * hourMs - elapsedMs) / 1000;
  expect(asked.at(-1)!.timeoutS).toBeLessThanOrEqual(leftS);
  expect(asked.at(-1)!.timeoutS).toBeGreaterThan(leftS - 3);
});
