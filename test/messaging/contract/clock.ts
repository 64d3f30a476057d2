// The wall clock of the machine is set while hosts run, on any broker: durations are not affected.
import { expect, it } from 'vitest';
import type { Delivery } from '../../../src/messaging/adapter.ts';
import { SkewedClock } from '../../support/skewed-clock.ts';
import type { Broker } from './broker.ts';
import { itIf } from './harness.ts';
import { bytes, consume, done, idsOf, retryAfter, text } from './inbox.ts';

const hourMs = 3_600_000;

/** The delay of the retries, in milliseconds. */
const delayMs = 300;

/** Declares the tests. */
export function describeClock({ open, harness }: Broker): void {
  const shared = itIf(harness.isPrivate !== true);

  for (const [direction, stepMs] of [
    ['back', -hourMs],
    ['forward', hourMs],
  ] as const) {
    shared(`leaves messages with their host when the clock is set ${direction}`, async () => {
      const clock = new SkewedClock();
      const [owner, rival] = [await open({ clock }), await open({ clock })];
      const queue = harness.queueName();
      await owner.ensureQueue(queue);
      const owned = await consume(owner, queue);
      await owner.sendMessage(queue, bytes('"long"'));
      const long = await owned.next();
      const stolen: Delivery[] = [];
      await consume(rival, queue, 1, (delivery) => {
        stolen.push(delivery);
        return done;
      });
      clock.step(stepMs);
      await rival.sendMessage(queue, bytes('"short"'));
      await expect.poll(() => stolen.map(text), { timeout: 10_000 }).toEqual(['"short"']);
      expect(long.lost.aborted).toBe(false);
      expect(await long.settle(done)).toBe(true);
      expect(stolen).toHaveLength(1);
    });

    it(`retries after the delay when the clock is set ${direction} meanwhile`, async () => {
      const clock = new SkewedClock();
      const adapter = await open({ clock });
      const queue = harness.queueName();
      await adapter.ensureQueue(queue);
      const inbox = await consume(adapter, queue);
      await adapter.sendMessage(queue, bytes('"again"'));
      await (await inbox.next()).settle(retryAfter(delayMs));
      clock.step(stepMs);
      const retried = await inbox.next();
      expect([text(retried), retried.attempt]).toEqual(['"again"', 2]);
      await retried.settle(done);
    });
  }

  it('requeues what was in flight when the clock was set back', async () => {
    const clock = new SkewedClock();
    const adapter = await open({ clock });
    const queue = harness.queueName();
    await adapter.ensureQueue(queue);
    const before = await consume(adapter, queue);
    await adapter.sendMessage(queue, bytes('"cut off"'));
    await before.next();
    clock.step(-hourMs);
    await before.consumer.stop();
    const after = await consume(adapter, queue);
    const again = await after.next();
    expect(text(again)).toBe('"cut off"');
    await again.settle(done);
  });

  it('finds what was written before the clock was set back and the host restarted', async () => {
    const clock = new SkewedClock();
    const adapter = await open({ clock });
    const queue = harness.queueName();
    await adapter.ensureQueue(queue);
    const before = await consume(adapter, queue);
    await adapter.sendMessage(queue, bytes('"again"'));
    const first = await before.next();
    await before.consumer.drain();
    await adapter.sendMessage(queue, bytes('"waiting"'));
    await first.settle(retryAfter(delayMs));
    await before.consumer.stop();
    clock.step(-hourMs);
    const after = await consume(adapter, queue, 2);
    await after.waitFor(2);
    expect(after.deliveries.map(text).sort()).toEqual(['"again"', '"waiting"']);
    expect(idsOf(after.deliveries)).toContain(first.messageId);
    await Promise.all(after.deliveries.map((delivery) => delivery.settle(done)));
  });
}
