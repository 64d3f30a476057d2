// The contract that every message adapter must keep, as one suite. Knows no broker: a harness brings it, and says what
// it cannot do.
import { Buffer } from 'node:buffer';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { UnroutableError, UnsupportedError } from '../../src/errors.ts';
import {
  header,
  type Consumer,
  type Delivery,
  type Headers,
  type MessageAdapter,
  type Outcome,
} from '../../src/messaging/adapter.ts';

/** What a broker cannot do, by its nature. What is left out, it can. */
export interface AdapterLimits {
  /** Only one connection reaches the broker: tests of two hosts are left out. */
  readonly oneConnection?: true;
  /** The broker promises no order. */
  readonly unordered?: true;
  /** Bodies are text, and not empty: tests of other bytes are left out. */
  readonly textBodies?: true;
  /** The largest body in bytes; default 10 MiB, which is what the suite tries. */
  readonly largestBodyBytes?: number;
  /** Header values are strings: tests of nested ones are left out. */
  readonly flatHeaders?: true;
  /** A header named `__proto__` is lost on the way; it must do no harm. */
  readonly noProtoHeader?: true;
}

/** A message that waits in a queue, as the broker has it. */
export interface BrowsedMessage {
  readonly body: Uint8Array;
  readonly headers: Headers;
  readonly messageId: string;
}

/** A broker, as the suite needs it. */
export interface AdapterHarness {
  readonly limits: AdapterLimits;
  /** Makes the broker ready; called once. */
  start?(): Promise<void>;
  /** Lets go of the broker; called once. */
  stop?(): Promise<void>;
  /** A new, connected connection to the broker. The suite closes it. */
  open(): Promise<MessageAdapter>;
  /** A name that no queue has had. The harness sees to it that the queue is deleted, and the one named `<it>_dead`. */
  queueName(): string;
  /** The messages that wait in the queue, not by way of an adapter, and without taking them out. */
  browse(queueName: string): Promise<BrowsedMessage[]>;
  /**
   * Makes the broker lose sight of this connection, as when its host is killed or the network cut: all that it holds
   * unsettled must be delivered again. The adapter may come back by itself.
   */
  crash(adapter: MessageAdapter): Promise<void>;
}

/** How long a test waits for something that must happen. */
const patience = { timeout: 20_000, interval: 10 };

/** The delay of a retry where the test does not depend on it. */
const shortDelayMs = 20;

const failure = { name: 'TypeError', message: 'no such order' };
const done: Outcome = { kind: 'done' };
const requeue: Outcome = { kind: 'requeue' };
const dead: Outcome = { kind: 'dead', reason: 'failed', error: failure };
const retryAfter = (delayMs: number): Outcome => ({ kind: 'retry', delayMs, error: failure });

/** Declares the suite for one adapter. */
export function describeAdapterContract(name: string, harness: AdapterHarness): void {
  const { limits } = harness;
  const opened: MessageAdapter[] = [];

  async function open(): Promise<MessageAdapter> {
    const adapter = await harness.open();
    opened.push(adapter);
    return adapter;
  }

  /** An adapter, and a queue that it has made. */
  async function openQueue(): Promise<{ adapter: MessageAdapter; queue: string }> {
    const adapter = await open();
    const queue = harness.queueName();
    await adapter.ensureQueue(queue);
    return { adapter, queue };
  }

  describe(`${name} keeps the adapter contract:`, () => {
    beforeAll(() => harness.start?.());
    afterAll(() => harness.stop?.());
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((adapter) => adapter.close()));
    });

    describe('sending', () => {
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
      });

      it('makes up an id where the sender gave none, a different one for each message', async () => {
        const { adapter, queue } = await openQueue();
        await adapter.sendMessage(queue, bytes('"a"'));
        await adapter.sendMessage(queue, bytes('"b"'));
        const inbox = await consume(adapter, queue, 2);
        const [first, second] = [await inbox.next(), await inbox.next()];
        expect(first.messageId).not.toBe('');
        expect(second.messageId).not.toBe(first.messageId);
      });

      it('says when the message was sent, where it says so at all', async () => {
        const { adapter, queue } = await openQueue();
        const before = Date.now();
        await adapter.sendMessage(queue, bytes('1'));
        const after = Date.now();
        const { enqueuedAt } = await (await consume(adapter, queue)).next();
        // Brokers keep seconds, and another machine's clock.
        if (enqueuedAt === undefined) return;
        expect(enqueuedAt.getTime()).toBeGreaterThan(before - 2000);
        expect(enqueuedAt.getTime()).toBeLessThan(after + 2000);
      });

      it('rejects a message for a queue that is not there, and names the queue', async () => {
        const adapter = await open();
        const queue = harness.queueName();
        const error: unknown = await adapter
          .sendMessage(queue, bytes('1'))
          .catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(UnroutableError);
        expect(error).toMatchObject({ queueName: queue, message: expect.stringContaining(queue) as string });
      });

      it('rejects only the one message of several that has no queue', async () => {
        const { adapter, queue } = await openQueue();
        const sends = [queue, harness.queueName(), queue].map((name) =>
          adapter.sendMessage(name, bytes('1')),
        );
        const results = await Promise.allSettled(sends);
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        await waitForCount(adapter, queue, 2);
      });

      it('keeps what is sent while nobody consumes', async () => {
        const { adapter, queue } = await openQueue();
        await adapter.sendMessage(queue, bytes('"early"'));
        await waitForCount(adapter, queue, 1);
        const inbox = await consume(adapter, queue);
        expect(text(await inbox.next())).toBe('"early"');
      });

      it('delivers a delayed message after its delay and not before, or says that it cannot', async () => {
        const { adapter, queue } = await openQueue();
        const inbox = await consume(adapter, queue);
        const sentAt = Date.now();
        const sent = adapter.sendMessage(queue, bytes('"later"'), { delayMs: 300 });
        if (!adapter.capabilities.delayedSend) return expect(sent).rejects.toBeInstanceOf(UnsupportedError);
        await sent;
        expect(text(await inbox.next())).toBe('"later"');
        expect(Date.now() - sentAt).toBeGreaterThanOrEqual(300);
      });

      it('can be told twice to make a queue, and keeps its messages', async () => {
        const { adapter, queue } = await openQueue();
        await adapter.sendMessage(queue, bytes('1'));
        await adapter.ensureQueue(queue);
        await waitForCount(adapter, queue, 1);
      });
    });

    describe('bodies and headers', () => {
      const bodies: Record<string, Uint8Array> = {
        'of the largest size': new Uint8Array(limits.largestBodyBytes ?? 10 * 1024 * 1024).fill(120),
        'that is not JSON': bytes('{"half": '),
        ...(!limits.textBodies && {
          'without a byte': new Uint8Array(0),
          'that is not UTF-8': Uint8Array.from([0xff, 0xfe, 0x00, 0xc3, 0x28]),
        }),
      };

      it.for(Object.entries(bodies))('keeps a body %s, through a retry and a burial', async ([, body]) => {
        const { adapter, queue } = await openQueue();
        await adapter.sendMessage(queue, body);
        const inbox = await consume(adapter, queue);
        const first = await inbox.next();
        expect(Buffer.compare(first.body, body)).toBe(0);
        await first.settle(retryAfter(shortDelayMs));
        const second = await inbox.next();
        expect(Buffer.compare(second.body, body)).toBe(0);
        await second.settle(dead);
        const [letter] = await browseUntil(`${queue}_dead`, 1);
        expect(Buffer.compare(letter!.body, body)).toBe(0);
      });

      it.skipIf(limits.flatHeaders)('keeps headers of any depth, through a retry', async () => {
        const { adapter, queue } = await openQueue();
        const headers = { deep: { list: [1, { two: [true, 'ü'] }], none: null }, count: 3, flag: false };
        await adapter.sendMessage(queue, bytes('1'), { headers });
        const inbox = await consume(adapter, queue);
        const first = await inbox.next();
        expect(first.headers).toMatchObject(headers);
        await first.settle(retryAfter(shortDelayMs));
        expect((await inbox.next()).headers).toMatchObject(headers);
      });

      it('takes a header named __proto__ for a header', async () => {
        const { adapter, queue } = await openQueue();
        const headers = JSON.parse('{"__proto__": "mine", "tenant": "a"}') as Headers;
        await adapter.sendMessage(queue, bytes('1'), { headers });
        const inbox = await consume(adapter, queue);
        const first = await inbox.next();
        const expected = limits.noProtoHeader ? undefined : 'mine';
        expect(ownHeader(first, '__proto__')).toBe(expected);
        await first.settle(retryAfter(shortDelayMs));
        const second = await inbox.next();
        expect(ownHeader(second, '__proto__')).toBe(expected);
        expect(second.headers['tenant']).toBe('a');
      });
    });

    describe('delivering', () => {
      it('makes a queue that is not there when it is to be consumed', async () => {
        const adapter = await open();
        const queue = harness.queueName();
        const inbox = await consume(adapter, queue);
        await adapter.sendMessage(queue, bytes('"hello"'));
        expect(text(await inbox.next())).toBe('"hello"');
      });

      it.skipIf(limits.unordered)('keeps the order of the queue at concurrency 1', async () => {
        const { adapter, queue } = await openQueue();
        const inbox = await consume(adapter, queue, 1, () => done);
        const names = Array.from({ length: 50 }, (_, index) => `"${index}"`);
        for (const name of names) await adapter.sendMessage(queue, bytes(name));
        await inbox.waitFor(50);
        expect(inbox.deliveries.map(text)).toEqual(names);
      });

      it('never has more deliveries unsettled than its concurrency', async () => {
        const { adapter, queue } = await openQueue();
        let [unsettled, most] = [0, 0];
        const inbox = await consume(adapter, queue, 3, async (delivery) => {
          unsettled += 1;
          most = Math.max(most, unsettled);
          // Time for the broker to deliver too much: a round trip to it.
          await adapter.countMessages(queue, []);
          unsettled -= 1;
          await delivery.settle(done);
        });
        await sendMany(adapter, queue, 60);
        await inbox.waitFor(60);
        expect(most).toBe(3);
      });

      it('waits for room: an unsettled delivery at concurrency 1 holds up the next', async () => {
        const { adapter, queue } = await openQueue();
        const inbox = await consume(adapter, queue, 1);
        await sendMany(adapter, queue, 2);
        const first = await inbox.next();
        await waitForCount(adapter, queue, 1);
        expect(inbox.deliveries).toHaveLength(1);
        await first.settle(done);
        await inbox.next();
      });

      it('divides a queue between two consumers, and no message is handled twice', async () => {
        const { adapter, queue } = await openQueue();
        const other = limits.oneConnection ? adapter : await open();
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

      it('counts what waits, with what waits for a retry, and not what is in work', async () => {
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
    });

    describe('settling', () => {
      it('takes a message that is done out of the queue', async () => {
        const { adapter, queue } = await openQueue();
        await adapter.sendMessage(queue, bytes('1'));
        const inbox = await consume(adapter, queue);
        await (await inbox.next()).settle(done);
        await inbox.consumer.stop();
        await expectNothingBut(adapter, queue, []);
      });

      it('delivers again after the delay of a retry and not before, as the next attempt at the same message', async () => {
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

      it.skipIf(limits.unordered)('puts a retry behind what was waiting', async () => {
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

      it('buries a dead message with what it was and why, and does not deliver it again', async () => {
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

      it('buries a message that is dead at its first attempt', async () => {
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
        const letters = await consume(adapter, `${queue}_dead`);
        const letter = await letters.next();
        expect(letter.messageId).toBe('id-4');
        expect(letter.attempt).toBe(1);
      });

      it('delivers a requeued message again, at the same attempt', async () => {
        const { adapter, queue } = await openQueue();
        await adapter.sendMessage(queue, bytes('"back"'), { messageId: 'id-5' });
        const inbox = await consume(adapter, queue);
        await (await inbox.next()).settle(retryAfter(shortDelayMs));
        await (await inbox.next()).settle(requeue);
        const third = await inbox.next();
        expect(text(third)).toBe('"back"');
        expect(third.messageId).toBe('id-5');
        expect(third.attempt).toBe(2);
      });

      it('listens to the first outcome of a delivery only', async () => {
        const { adapter, queue } = await openQueue();
        await adapter.sendMessage(queue, bytes('1'));
        const inbox = await consume(adapter, queue, 1);
        const delivery = await inbox.next();
        await Promise.all([delivery.settle(done), delivery.settle(requeue), delivery.settle(dead)]);
        await delivery.settle(retryAfter(1));
        // It has made room for one delivery, and not for four.
        await sendMany(adapter, queue, 3);
        const next = await inbox.next();
        await waitForCount(adapter, queue, 2);
        expect(inbox.deliveries).toEqual([delivery, next]);
        await inbox.consumer.stop();
        const rest = await consume(adapter, queue, 10, () => done);
        await rest.waitFor(3);
        await waitForCount(adapter, queue, 0, [1]);
        expect(idsOf(rest.deliveries)).toEqual(['message-0', 'message-1', 'message-2']);
        expect(await browse(`${queue}_dead`)).toEqual([]);
      });
    });

    describe('ending', () => {
      it('delivers nothing more once drained, and still settles what was delivered', async () => {
        const { adapter, queue } = await openQueue();
        const inbox = await consume(adapter, queue, 1);
        await adapter.sendMessage(queue, bytes('"in work"'));
        const inWork = await inbox.next();
        await inbox.consumer.drain();
        await inbox.consumer.drain();
        await adapter.sendMessage(queue, bytes('"waiting"'));
        await inWork.settle(done);
        await waitForCount(adapter, queue, 1);
        expect(inbox.deliveries).toHaveLength(1);
        await inbox.consumer.stop();
        const next = await consume(adapter, queue);
        expect(text(await next.next())).toBe('"waiting"');
      });

      it('settles in every way while drained', async () => {
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
        expect(attempts.sort()).toEqual(['"requeue" 1', '"retry" 2']);
      });

      it('hands back what is unsettled when a consumer stops, at the same attempt', async () => {
        const { adapter, queue } = await openQueue();
        await sendMany(adapter, queue, 2);
        const inbox = await consume(adapter, queue, 2);
        const held = [await inbox.next(), await inbox.next()];
        await inbox.consumer.stop();
        await inbox.consumer.stop();
        const next = await consume(adapter, queue, 2);
        await next.waitFor(2);
        expect(idsOf(next.deliveries)).toEqual(idsOf(held));
        expect(next.deliveries.map(({ attempt }) => attempt)).toEqual([1, 1]);
        // The stopped consumer's deliveries have no say any more.
        await Promise.all(held.map((delivery) => delivery.settle(done)));
        await next.consumer.stop();
        await waitForCount(adapter, queue, 2);
      });

      it.skipIf(limits.oneConnection)('hands back what is unsettled when a connection closes', async () => {
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
        expect(next.deliveries.map(({ attempt }) => attempt)).toEqual([1, 1]);
      });

      it('rejects a send once the connection is closed', async () => {
        const { adapter, queue } = await openQueue();
        await adapter.close();
        await expect(adapter.sendMessage(queue, bytes('1'))).rejects.toMatchObject({ queueName: queue });
      });

      it.skipIf(limits.oneConnection)('delivers elsewhere what a crashed connection held', async () => {
        const { adapter, queue } = await openQueue();
        await adapter.sendMessage(queue, bytes('"survivor"'), { messageId: 'id-6' });
        const inbox = await consume(adapter, queue, 1);
        await inbox.next();
        const other = await open();
        const rescue = await consume(other, queue, 1);
        await harness.crash(adapter);
        // Who comes back first may have it: the crashed connection, too, heals itself.
        await vi.waitFor(() => expect(inbox.deliveries.length + rescue.deliveries.length).toBe(2), patience);
        const again = rescue.deliveries[0] ?? inbox.deliveries[1]!;
        expect(text(again)).toBe('"survivor"');
        expect(again.messageId).toBe('id-6');
        expect(again.attempt).toBe(1);
        expect(again.crashes).toBe(other.capabilities.countsCrashes ? 1 : 0);
      });

      it.skipIf(limits.oneConnection)('is not disturbed by an outcome that comes after a crash', async () => {
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
        expect(attempts.sort()).toEqual([1, 1, 2]);
        expect(text(last)).toBe('"survivor"');
      });

      it.skipIf(limits.oneConnection)('consumes and sends again by itself after a crash', async () => {
        const { adapter, queue } = await openQueue();
        const inbox = await consume(adapter, queue, 1, () => done);
        await adapter.sendMessage(queue, bytes('"before"'));
        await inbox.waitFor(1);
        await harness.crash(adapter);
        await vi.waitFor(() => adapter.sendMessage(queue, bytes('"after"')), patience);
        await vi.waitFor(() => expect(inbox.deliveries.map(text)).toContain('"after"'), patience);
      });
    });
  });

  /** Dead letters and the like are awaited: a broker may show them a moment after it took them. */
  function browseUntil(queue: string, count: number): Promise<BrowsedMessage[]> {
    return vi.waitFor(async () => {
      const messages = await browse(queue);
      expect(messages).toHaveLength(count);
      return messages;
    }, patience);
  }

  function browse(queue: string): Promise<BrowsedMessage[]> {
    return harness.browse(queue);
  }
}

/** What a consumer was given, in order, and a way to wait for more. */
interface Inbox {
  readonly consumer: Consumer;
  readonly deliveries: readonly Delivery[];
  /** The next delivery that was not yet asked for. */
  next(): Promise<Delivery>;
  /** Waits until there were `count` deliveries. */
  waitFor(count: number): Promise<void>;
}

/**
 * Consumes a queue. `handle` sees each delivery and says its outcome, or settles by itself; without it, deliveries stay
 * unsettled until the test settles them.
 */
async function consume(
  adapter: MessageAdapter,
  queue: string,
  concurrency = 1,
  handle?: (delivery: Delivery) => Outcome | Promise<void>,
): Promise<Inbox> {
  const deliveries: Delivery[] = [];
  const failures: Error[] = [];
  let asked = 0;
  const onDelivery = (delivery: Delivery) => {
    deliveries.push(delivery);
    const handled = handle?.(delivery);
    if (handled !== undefined && !(handled instanceof Promise)) {
      delivery.settle(handled).catch((error: unknown) => failures.push(error as Error));
    }
  };
  const consumer = await adapter.consumeMessages(queue, onDelivery, {
    concurrency,
    deadLetterQueueName: `${queue}_dead`,
    onFailure: (error) => failures.push(error),
  });
  const waitFor = (count: number) =>
    vi.waitFor(() => {
      expect(failures).toEqual([]);
      expect(deliveries.length).toBeGreaterThanOrEqual(count);
    }, patience);
  return {
    consumer,
    deliveries,
    waitFor,
    async next() {
      asked += 1;
      await waitFor(asked);
      return deliveries[asked - 1]!;
    },
  };
}

/** Sends `count` messages at once; returns their ids. */
async function sendMany(adapter: MessageAdapter, queue: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `message-${index}`);
  await Promise.all(
    ids.map((messageId, index) => adapter.sendMessage(queue, bytes(String(index)), { messageId })),
  );
  return ids;
}

/** Some brokers count with a delay. */
async function waitForCount(
  adapter: MessageAdapter,
  queue: string,
  count: number,
  retryDelaysMs: readonly number[] = [],
): Promise<void> {
  await vi.waitFor(
    async () => expect(await adapter.countMessages(queue, retryDelaysMs)).toBe(count),
    patience,
  );
}

/**
 * Sends one message more and consumes: nothing but that one may arrive. This is how a test sees, without waiting for
 * some time, that a message does not come back.
 */
async function expectNothingBut(
  adapter: MessageAdapter,
  queue: string,
  retryDelaysMs: readonly number[],
): Promise<void> {
  await waitForCount(adapter, queue, 0, retryDelaysMs);
  await adapter.sendMessage(queue, bytes('"the last"'));
  const inbox = await consume(adapter, queue, 10, () => done);
  await inbox.waitFor(1);
  await waitForCount(adapter, queue, 0, retryDelaysMs);
  expect(inbox.deliveries.map(text)).toEqual(['"the last"']);
}

function idsOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ messageId }) => messageId).sort();
}

function ownHeader({ headers }: Delivery, name: string): unknown {
  return Object.getOwnPropertyDescriptor(headers, name)?.value;
}

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text({ body }: Delivery): string {
  return new TextDecoder().decode(body);
}
