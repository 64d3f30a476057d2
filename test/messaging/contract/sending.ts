// The promises of `sendMessage` and `ensureQueue`, on any broker.
import { Buffer } from 'node:buffer';
import { expect, it } from 'vitest';
import { UnroutableError, UnsupportedError } from '../../../src/errors.ts';
import type { Broker } from './broker.ts';
import { bytes, consume, retryAfter, shortDelayMs, text, waitForCount } from './inbox.ts';

/** Declares the tests. */
export function describeSending({ open, openQueue, harness }: Broker): void {
  it('delivers the bytes, the headers and the id that were sent', async () => {
    const { adapter, queue } = await openQueue();
    const body = bytes('{"greeting":"grüß dich"}');
    await adapter.sendMessage(queue, body, { messageId: 'id-1', headers: { tenant: 'a', trace: 'b-c' } });
    const inbox = await consume(adapter, queue);
    const delivery = await inbox.next();
    expect(Buffer.from(delivery.body)).toEqual(Buffer.from(body));
    expect(delivery.messageId).toBe('id-1');
    expect(delivery.headers).toMatchObject({ tenant: 'a', trace: 'b-c' });
    expect(delivery.attempt).toBe(1);
    expect(delivery.crashes).toBe(0);
    expect(delivery.redelivered).toBe(false);
    expect(delivery.lost.aborted).toBe(false);
    expect([delivery.replyTo, delivery.correlationId]).toEqual([undefined, undefined]);
  });

  it('delivers the reply address and the correlation id, through a retry', async () => {
    const { adapter, queue } = await openQueue();
    await adapter.sendMessage(queue, bytes('1'), { replyTo: 'answers', correlationId: 'request-1' });
    const inbox = await consume(adapter, queue);
    const first = await inbox.next();
    await first.settle(retryAfter(shortDelayMs));
    for (const { replyTo, correlationId, headers } of [first, await inbox.next()]) {
      expect([replyTo, correlationId]).toEqual(['answers', 'request-1']);
      expect(Object.values(headers)).not.toContain('answers');
    }
  });

  it('invents an id if the sender gave none, a different one for each message', async () => {
    const { adapter, queue } = await openQueue();
    await adapter.sendMessage(queue, bytes('"a"'));
    await adapter.sendMessage(queue, bytes('"b"'));
    const inbox = await consume(adapter, queue, 2);
    const [first, second] = [await inbox.next(), await inbox.next()];
    expect(first.messageId).not.toBe('');
    expect(second.messageId).not.toBe(first.messageId);
  });

  it('reports when the message was sent', async () => {
    const { adapter, queue } = await openQueue();
    const before = Date.now();
    await adapter.sendMessage(queue, bytes('1'));
    const after = Date.now();
    const { enqueuedAt } = await (await consume(adapter, queue)).next();
    // Brokers keep whole seconds, by another machine's clock.
    expect(enqueuedAt?.getTime()).toBeGreaterThan(before - 2000);
    expect(enqueuedAt?.getTime()).toBeLessThan(after + 2000);
  });

  it('rejects a message for a missing queue, and names the queue', async () => {
    const adapter = await open();
    const queue = harness.queueName();
    const error: unknown = await adapter.sendMessage(queue, bytes('1')).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnroutableError);
    expect(error).toMatchObject({ queueName: queue, message: expect.stringContaining(queue) as string });
  });

  it('rejects only that one of several messages that has no queue', async () => {
    const { adapter, queue } = await openQueue();
    const sends = [queue, harness.queueName(), queue].map((name) => adapter.sendMessage(name, bytes('1')));
    const results = await Promise.allSettled(sends);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await waitForCount(adapter, queue, 2);
  });

  it('keeps messages that are sent while nobody consumes', async () => {
    const { adapter, queue } = await openQueue();
    await adapter.sendMessage(queue, bytes('"early"'));
    await waitForCount(adapter, queue, 1);
    const inbox = await consume(adapter, queue);
    expect(text(await inbox.next())).toBe('"early"');
  });

  it('delivers a delayed message after its delay and not before, or rejects it as unsupported', async () => {
    const { adapter, queue } = await openQueue();
    const inbox = await consume(adapter, queue);
    const sentAt = Date.now();
    const sent = adapter.sendMessage(queue, bytes('"later"'), { delayMs: 300 });
    if (!adapter.capabilities.delayedSend) return expect(sent).rejects.toBeInstanceOf(UnsupportedError);
    await sent;
    expect(text(await inbox.next())).toBe('"later"');
    expect(Date.now() - sentAt).toBeGreaterThanOrEqual(300);
  });

  it('can ensure a queue twice, and keeps its messages', async () => {
    const { adapter, queue } = await openQueue();
    await adapter.sendMessage(queue, bytes('1'));
    await adapter.ensureQueue(queue);
    await waitForCount(adapter, queue, 1);
  });
}
