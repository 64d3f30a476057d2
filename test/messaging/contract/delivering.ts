// Order, concurrency and completeness of the deliveries that a consumer gets, on any broker.
import { expect, it, vi } from 'vitest';
import type { Broker } from './broker.ts';
import { itIf } from './harness.ts';
import { bytes, consume, done, patience, retryAfter, sendMany, text, waitForCount } from './inbox.ts';

/** Declares the tests. */
export function describeDelivering({ open, openQueue, harness }: Broker): void {
  const { capabilities } = harness;
  it('creates a missing queue that is to be consumed', async () => {
    const adapter = await open();
    const queue = harness.queueName();
    const inbox = await consume(adapter, queue);
    await adapter.sendMessage(queue, bytes('"hello"'));
    expect(text(await inbox.next())).toBe('"hello"');
  });

  itIf(capabilities.ordered)('keeps the order of the queue at concurrency 1', async () => {
    const { adapter, queue } = await openQueue();
    const inbox = await consume(adapter, queue, 1, () => done);
    const names = Array.from({ length: 50 }, (_, index) => `"${index}"`);
    for (const name of names) await adapter.sendMessage(queue, bytes(name));
    await inbox.waitFor(50);
    expect(inbox.deliveries.map(text)).toEqual(names);
  });

  it('never has more unsettled deliveries than its concurrency', async () => {
    const { adapter, queue } = await openQueue();
    let [unsettled, most] = [0, 0];
    const inbox = await consume(adapter, queue, 3, async (delivery) => {
      unsettled += 1;
      most = Math.max(most, unsettled);
      // Time for the broker to deliver too many: a round trip to it.
      await adapter.countMessages(queue, []);
      unsettled -= 1;
      await delivery.settle(done);
    });
    await sendMany(adapter, queue, 60);
    await inbox.waitFor(60);
    expect(most).toBe(3);
  });

  it('waits for a free slot: an unsettled delivery at concurrency 1 holds up the next', async () => {
    const { adapter, queue } = await openQueue();
    const inbox = await consume(adapter, queue, 1);
    await sendMany(adapter, queue, 2);
    const first = await inbox.next();
    await waitForCount(adapter, queue, 1);
    expect(inbox.deliveries).toHaveLength(1);
    await first.settle(done);
    await inbox.next();
  });

  it('shares a queue between two consumers, and no message is handled twice', async () => {
    const { adapter, queue } = await openQueue();
    const other = harness.isPrivate ? adapter : await open();
    const first = await consume(adapter, queue, 2, () => done);
    const second = await consume(other, queue, 2, () => done);
    await sendMany(adapter, queue, 200);
    const ids = () => [...first.deliveries, ...second.deliveries].map(({ messageId }) => messageId);
    await vi.waitFor(() => expect(ids().length).toBeGreaterThanOrEqual(200), patience);
    await waitForCount(adapter, queue, 0);
    await Promise.all([first.consumer.drain(), second.consumer.drain()]);
    expect(ids()).toHaveLength(200);
    expect(new Set(ids()).size).toBe(200);
  });

  it('loses none of 5,000 messages at concurrency 50', async () => {
    const { adapter, queue } = await openQueue();
    const inbox = await consume(adapter, queue, 50, () => done);
    const sent = await sendMany(adapter, queue, 5000);
    await inbox.waitFor(5000);
    expect(new Set(inbox.deliveries.map(({ messageId }) => messageId))).toEqual(new Set(sent));
    await inbox.consumer.drain();
    await waitForCount(adapter, queue, 0);
  });

  it('counts waiting messages, including those that wait for a retry, but not those in flight', async () => {
    const { adapter, queue } = await openQueue();
    await sendMany(adapter, queue, 3);
    await waitForCount(adapter, queue, 3);
    const inbox = await consume(adapter, queue, 1);
    const first = await inbox.next();
    await waitForCount(adapter, queue, 2);
    await inbox.consumer.drain();
    const delayMs = 3_600_000;
    await first.settle(retryAfter(delayMs));
    await waitForCount(adapter, queue, 3, [delayMs]);
  });
}
