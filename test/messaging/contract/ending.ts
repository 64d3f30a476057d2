// Drained, stopped, closed and crashed connections, on any broker.
import { expect, it, vi } from 'vitest';
import { NotConnectedError } from '../../../src/errors.ts';
import type { MessageAdapter, Outcome } from '../../../src/messaging/adapter.ts';
import { isBrowsable, isClaiming, isInspectable } from '../../../src/messaging/capability.ts';
import type { Broker } from './broker.ts';
import { itIf } from './harness.ts';
import {
  bytes,
  consume,
  dead,
  done,
  idsOf,
  patience,
  requeue,
  retryAfter,
  sendMany,
  shortDelayMs,
  text,
  waitForCount,
} from './inbox.ts';

/** Declares the tests. */
export function describeEnding({ create, open, openQueue, browseUntil, harness }: Broker): void {
  const { capabilities } = harness;
  /** The attempt of a message that was delivered once before, and redelivered without an outcome. */
  const attemptAfterReturn = capabilities.countsEveryDelivery ? 2 : 1;

  it('delivers nothing more once drained, and still settles earlier deliveries', async () => {
    const { adapter, queue } = await openQueue();
    const inbox = await consume(adapter, queue, 1);
    await adapter.sendMessage(queue, bytes('"in flight"'));
    const inFlight = await inbox.next();
    await inbox.consumer.drain();
    await inbox.consumer.drain();
    await adapter.sendMessage(queue, bytes('"waiting"'));
    await inFlight.settle(done);
    await waitForCount(adapter, queue, 1);
    expect(inbox.deliveries).toHaveLength(1);
    await inbox.consumer.stop();
    const next = await consume(adapter, queue);
    expect(text(await next.next())).toBe('"waiting"');
  });

  it('settles every outcome while drained', async () => {
    const { adapter, queue } = await openQueue();
    for (const name of ['"retry"', '"dead"', '"requeue"']) await adapter.sendMessage(queue, bytes(name));
    const inbox = await consume(adapter, queue, 3);
    const deliveries = [await inbox.next(), await inbox.next(), await inbox.next()];
    await inbox.consumer.drain();
    const outcomes: Record<string, Outcome> = {
      '"retry"': retryAfter(1),
      '"dead"': dead,
      '"requeue"': requeue,
    };
    await Promise.all(deliveries.map((delivery) => delivery.settle(outcomes[text(delivery)]!)));
    await inbox.consumer.stop();
    await browseUntil(`${queue}_dead`, 1);
    const next = await consume(adapter, queue, 3);
    await next.waitFor(2);
    const attempts = next.deliveries.map((delivery) => `${text(delivery)} ${delivery.attempt}`);
    expect(attempts.sort()).toEqual([`"requeue" ${attemptAfterReturn}`, '"retry" 2']);
  });

  it('requeues unsettled messages when a consumer stops, at the same attempt', async () => {
    const { adapter, queue } = await openQueue();
    await sendMany(adapter, queue, 2);
    const inbox = await consume(adapter, queue, 2);
    const held = [await inbox.next(), await inbox.next()];
    await inbox.consumer.stop();
    await inbox.consumer.stop();
    const next = await consume(adapter, queue, 2);
    await next.waitFor(2);
    expect(idsOf(next.deliveries)).toEqual(idsOf(held));
    expect(next.deliveries.map(({ attempt }) => attempt)).toEqual([attemptAfterReturn, attemptAfterReturn]);
    // The stopped consumer no longer holds its deliveries.
    await Promise.all(held.map((delivery) => delivery.settle(done)));
    await next.consumer.stop();
    await waitForCount(adapter, queue, 2);
  });

  itIf(!harness.isPrivate)('requeues unsettled messages when a connection closes', async () => {
    const { adapter, queue } = await openQueue();
    await sendMany(adapter, queue, 2);
    const inbox = await consume(adapter, queue, 2);
    const held = [await inbox.next(), await inbox.next()];
    const other = await open();
    await adapter.close();
    await adapter.close();
    const next = await consume(other, queue, 2);
    await next.waitFor(2);
    expect(idsOf(next.deliveries)).toEqual(idsOf(held));
    expect(next.deliveries.map(({ attempt }) => attempt)).toEqual([attemptAfterReturn, attemptAfterReturn]);
  });

  it('rejects every use before connect and after close, with the same error', async () => {
    const uses: Record<string, (adapter: MessageAdapter, queue: string) => Promise<unknown>> = {
      ensureQueue: (adapter, queue) => adapter.ensureQueue(queue),
      sendMessage: (adapter, queue) => adapter.sendMessage(queue, bytes('1')),
      consumeMessages: (adapter, queue) => consume(adapter, queue),
      countMessages: (adapter, queue) => adapter.countMessages(queue, [1]),
      browseMessages: async (adapter, queue) => isBrowsable(adapter) && adapter.browseMessages(queue, 1),
      inspectQueue: async (adapter, queue) =>
        isInspectable(adapter) &&
        adapter.inspectQueue(queue, { maxAttempts: 1, deadLetterQueueName: 'dead', retryDelaysMs: [] }),
      claimOccurrence: async (adapter, queue) =>
        isClaiming(adapter) && adapter.claimOccurrence(queue, new Date()),
    };
    const { browseMessages, inspectQueue, claimOccurrence, ...common } = uses;
    const used = {
      ...common,
      ...(capabilities.listsMessages && { browseMessages }),
      ...(capabilities.inspectsQueues && { inspectQueue }),
      ...(capabilities.claimsOccurrences && { claimOccurrence }),
    };
    const fresh = await create();
    const { adapter: closed, queue } = await openQueue();
    await closed.close();
    for (const adapter of [fresh, closed]) {
      for (const [name, use] of Object.entries(used)) {
        await expect(use(adapter, queue), name).rejects.toBeInstanceOf(NotConnectedError);
      }
    }
  });

  itIf(!harness.isPrivate)('redelivers messages of a crashed connection elsewhere', async () => {
    const { adapter, queue } = await openQueue();
    await adapter.sendMessage(queue, bytes('"survivor"'), { messageId: 'id-6' });
    const inbox = await consume(adapter, queue, 1);
    await inbox.next();
    const other = await open();
    const rescue = await consume(other, queue, 1);
    await harness.crash(adapter);
    // Either may get it, since the crashed connection recovers by itself.
    await vi.waitFor(() => expect(inbox.deliveries.length + rescue.deliveries.length).toBe(2), patience);
    const again = rescue.deliveries[0] ?? inbox.deliveries[1]!;
    expect(text(again)).toBe('"survivor"');
    expect(again.redelivered).toBe(true);
    expect(again.messageId).toBe('id-6');
    expect(again.attempt).toBe(attemptAfterReturn);
    expect(again.crashes).toBe(other.capabilities.countsCrashes ? 1 : 0);
  });

  itIf(!harness.isPrivate)('is not disturbed by an outcome that arrives after a crash', async () => {
    const { adapter, queue } = await openQueue();
    await adapter.sendMessage(queue, bytes('"survivor"'));
    const inbox = await consume(adapter, queue, 1);
    const stale = await inbox.next();
    const other = await open();
    const rescue = await consume(other, queue, 1);
    await harness.crash(adapter);
    await vi.waitFor(() => expect(inbox.deliveries.length + rescue.deliveries.length).toBe(2), patience);
    const again = rescue.deliveries[0] ?? inbox.deliveries[1]!;
    await stale.settle(done);
    await again.settle(retryAfter(shortDelayMs));
    await vi.waitFor(() => expect(inbox.deliveries.length + rescue.deliveries.length).toBe(3), patience);
    const last = [...inbox.deliveries, ...rescue.deliveries].at(-1)!;
    const attempts = [...inbox.deliveries, ...rescue.deliveries].map(({ attempt }) => attempt);
    expect(attempts.sort()).toEqual([1, attemptAfterReturn, attemptAfterReturn + 1]);
    expect(text(last)).toBe('"survivor"');
  });

  itIf(!harness.isPrivate)('consumes and sends again by itself after a crash', async () => {
    const { adapter, queue } = await openQueue();
    const inbox = await consume(adapter, queue, 1, () => done);
    await adapter.sendMessage(queue, bytes('"before"'));
    await inbox.waitFor(1);
    await harness.crash(adapter);
    await vi.waitFor(() => adapter.sendMessage(queue, bytes('"after"')), patience);
    await vi.waitFor(() => expect(inbox.deliveries.map(text)).toContain('"after"'), patience);
  });
}
