// The effect of each outcome on a message, on any broker.
import { Buffer } from 'node:buffer';
import { expect, it } from 'vitest';
import { header } from '../../../src/messaging/dead-letter.ts';
import type { Broker } from './broker.ts';
import { itIf } from './harness.ts';
import {
  bytes,
  consume,
  dead,
  done,
  expectNothingBut,
  failure,
  idsOf,
  requeue,
  retryAfter,
  sendMany,
  shortDelayMs,
  text,
  waitForCount,
} from './inbox.ts';

/** Declares the tests. */
export function describeSettling({ openQueue, browseUntil, harness }: Broker): void {
  const { capabilities } = harness;
  it('removes a message that is done from the queue', async () => {
    const { adapter, queue } = await openQueue();
    await adapter.sendMessage(queue, bytes('1'));
    const inbox = await consume(adapter, queue);
    await (await inbox.next()).settle(done);
    await inbox.consumer.stop();
    await expectNothingBut(adapter, queue, []);
  });

  it('redelivers after the delay of a retry and not before, as the next attempt of the same message', async () => {
    const { adapter, queue } = await openQueue();
    await adapter.sendMessage(queue, bytes('"again"'), { messageId: 'id-2', headers: { tenant: 'a' } });
    const inbox = await consume(adapter, queue);
    const first = await inbox.next();
    const settledAt = Date.now();
    await first.settle(retryAfter(300));
    const second = await inbox.next();
    expect(Date.now() - settledAt).toBeGreaterThanOrEqual(300);
    expect(text(second)).toBe('"again"');
    expect(second.messageId).toBe('id-2');
    expect(second.attempt).toBe(2);
    expect(second.crashes).toBe(0);
    expect(second.headers).toMatchObject({ tenant: 'a', [header.attempt]: 2 });
    expect(Date.parse(String(second.headers[header.firstSeen]))).toBeLessThanOrEqual(settledAt + 1000);
    await second.settle(retryAfter(shortDelayMs));
    const third = await inbox.next();
    expect(third.attempt).toBe(3);
    expect(third.headers[header.firstSeen]).toBe(second.headers[header.firstSeen]);
  });

  itIf(capabilities.ordered)('puts a retry behind waiting messages', async () => {
    const { adapter, queue } = await openQueue();
    for (const name of ['"a"', '"b"', '"c"', '"d"']) await adapter.sendMessage(queue, bytes(name));
    const inbox = await consume(adapter, queue, 1, (delivery) =>
      text(delivery) === '"a"' && delivery.attempt === 1 ? retryAfter(1) : done,
    );
    await inbox.waitFor(5);
    expect(inbox.deliveries.map(text)).toEqual(['"a"', '"b"', '"c"', '"d"', '"a"']);
  });

  it('delivers other messages while one waits for its retry', async () => {
    const { adapter, queue } = await openQueue();
    const inbox = await consume(adapter, queue, 1, (delivery) =>
      text(delivery) === '"slow"' ? retryAfter(3_600_000) : done,
    );
    await adapter.sendMessage(queue, bytes('"slow"'));
    await inbox.waitFor(1);
    await adapter.sendMessage(queue, bytes('"quick"'));
    await inbox.waitFor(2);
    expect(inbox.deliveries.map(text)).toEqual(['"slow"', '"quick"']);
  });

  it('dead-letters a message with its content and the reason, and does not redeliver it', async () => {
    const { adapter, queue } = await openQueue();
    const startedAt = Date.now();
    await adapter.sendMessage(queue, bytes('{"order": 1}'), {
      messageId: 'id-3',
      headers: { tenant: 'a' },
    });
    const inbox = await consume(adapter, queue);
    await (await inbox.next()).settle(retryAfter(shortDelayMs));
    await (await inbox.next()).settle(dead);

    const [letter] = await browseUntil(`${queue}_dead`, 1);
    expect(Buffer.from(letter!.body).toString()).toBe('{"order": 1}');
    expect(letter!.messageId).toBe('id-3');
    expect(letter!.headers).toMatchObject({
      tenant: 'a',
      [header.reason]: 'failed',
      [header.error]: 'TypeError: no such order',
      [header.sourceQueue]: queue,
      [header.attempts]: 2,
    });
    const seen = [header.firstSeen, header.lastSeen].map((name) => String(letter!.headers[name]));
    for (const time of seen) expect(time).toBe(new Date(time).toISOString());
    expect(Date.parse(seen[0]!)).toBeGreaterThan(startedAt - 1000);
    expect(Date.parse(seen[1]!)).toBeGreaterThanOrEqual(Date.parse(seen[0]!));

    await inbox.consumer.stop();
    await expectNothingBut(adapter, queue, []);
  });

  it('dead-letters a message at its first attempt', async () => {
    const { adapter, queue } = await openQueue();
    await adapter.sendMessage(queue, bytes('{'));
    const inbox = await consume(adapter, queue);
    await (await inbox.next()).settle({ kind: 'dead', reason: 'undecodable', error: failure });
    const [letter] = await browseUntil(`${queue}_dead`, 1);
    expect(letter!.headers).toMatchObject({ [header.reason]: 'undecodable', [header.attempts]: 1 });
  });

  it('lets dead letters be consumed, at attempt 1', async () => {
    const { adapter, queue } = await openQueue();
    await adapter.sendMessage(queue, bytes('1'), { messageId: 'id-4' });
    const inbox = await consume(adapter, queue, 1, ({ attempt }) => (attempt < 3 ? retryAfter(1) : dead));
    await inbox.waitFor(3);
    await browseUntil(`${queue}_dead`, 1);
    // A queue like any other.
    await adapter.sendMessage(`${queue}_dead`, bytes('2'));
    const letters = await consume(adapter, `${queue}_dead`);
    const letter = await letters.next();
    expect(letter.messageId).toBe('id-4');
    expect(letter.attempt).toBe(1);
  });

  it('redelivers a requeued message, at the same attempt if the broker can tell', async () => {
    const { adapter, queue } = await openQueue();
    await adapter.sendMessage(queue, bytes('"back"'), { messageId: 'id-5' });
    const inbox = await consume(adapter, queue);
    await (await inbox.next()).settle(retryAfter(shortDelayMs));
    await (await inbox.next()).settle(requeue);
    const third = await inbox.next();
    expect(text(third)).toBe('"back"');
    expect(third.messageId).toBe('id-5');
    expect(third.attempt).toBe(capabilities.countsEveryDelivery ? 3 : 2);
  });

  it('accepts only the first outcome of a delivery', async () => {
    const { adapter, queue } = await openQueue();
    await adapter.sendMessage(queue, bytes('1'));
    const inbox = await consume(adapter, queue, 1);
    const delivery = await inbox.next();
    await Promise.all([delivery.settle(done), delivery.settle(requeue), delivery.settle(dead)]);
    await delivery.settle(retryAfter(1));
    // One slot was freed, not four.
    await sendMany(adapter, queue, 3);
    const next = await inbox.next();
    await waitForCount(adapter, queue, 2);
    expect(inbox.deliveries).toEqual([delivery, next]);
    await inbox.consumer.stop();
    const rest = await consume(adapter, queue, 10, () => done);
    await rest.waitFor(3);
    await waitForCount(adapter, queue, 0, [1]);
    expect(idsOf(rest.deliveries)).toEqual(['message-0', 'message-1', 'message-2']);
    expect(await harness.browse(`${queue}_dead`)).toEqual([]);
  });
}
