// The words that the tests of the contract are written in: outcomes, bodies, a consumer that collects, and waiting for
// what must happen. Owns no test and no broker.
import { expect, vi } from 'vitest';
import type { Consumer, Delivery, MessageAdapter, Outcome } from '../../../src/messaging/adapter.ts';

/** How long a test waits for something that must happen. */
export const patience = { timeout: 20_000, interval: 10 };

/** The delay of a retry where the test does not depend on it. */
export const shortDelayMs = 20;

export const failure = { name: 'TypeError', message: 'no such order' };
export const done: Outcome = { kind: 'done' };
export const requeue: Outcome = { kind: 'requeue' };
export const dead: Outcome = { kind: 'dead', reason: 'failed', error: failure };
export const retryAfter = (delayMs: number): Outcome => ({ kind: 'retry', delayMs, error: failure });

/** What a consumer was given, in order, and a way to wait for more. */
export interface Inbox {
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
export async function consume(
  adapter: MessageAdapter,
  queue: string,
  concurrency = 1,
  handle?: (delivery: Delivery) => Outcome | Promise<unknown>,
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
export async function sendMany(adapter: MessageAdapter, queue: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `message-${index}`);
  await Promise.all(
    ids.map((messageId, index) => adapter.sendMessage(queue, bytes(String(index)), { messageId })),
  );
  return ids;
}

/** Some brokers count with a delay. */
export async function waitForCount(
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
export async function expectNothingBut(
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

export function idsOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ messageId }) => messageId).sort();
}

export function ownHeader({ headers }: Delivery, name: string): unknown {
  return Object.getOwnPropertyDescriptor(headers, name)?.value;
}

export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export function text({ body }: Delivery): string {
  return new TextDecoder().decode(body);
}
