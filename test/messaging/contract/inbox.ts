// The vocabulary of the contract tests: outcomes, bodies, a consumer that collects, and waits for events.
import { expect, vi } from 'vitest';
import type { Consumer, Delivery, MessageAdapter, Outcome } from '../../../src/messaging/adapter.ts';

/** How long a test waits for something that must happen. */
export const patience = { timeout: 20_000, interval: 10 };

/** The delay of a retry if the test does not depend on it. */
export const shortDelayMs = 20;

/** The error of failed deliveries in the tests. */
export const failure = { name: 'TypeError', message: 'no such order' };
/** The outcome `done`. */
export const done: Outcome = { kind: 'done' };
/** The outcome `requeue`. */
export const requeue: Outcome = { kind: 'requeue' };
/** The outcome `dead`. */
export const dead: Outcome = { kind: 'dead', reason: 'failed', error: failure };
/** An outcome `retry` after `delayMs`. */
export const retryAfter = (delayMs: number): Outcome => ({ kind: 'retry', delayMs, error: failure });

/** The deliveries of a consumer, in order, and a way to wait for more. */
export interface Inbox {
  readonly consumer: Consumer;
  readonly deliveries: readonly Delivery[];
  /** The next delivery that was not yet returned. */
  next(): Promise<Delivery>;
  /** Waits until there have been `count` deliveries. */
  waitFor(count: number): Promise<void>;
}

/**
 * Consumes a queue. `handle` sees each delivery and returns its outcome, or settles by itself; without it, deliveries
 * stay unsettled until the test settles them.
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

/** Some brokers update their count with a delay. */
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
 * Sends one more message and consumes: only that one may arrive. A test thus sees, without waiting for some time, that
 * a message is not redelivered.
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

/** The message ids of deliveries, sorted. */
export function idsOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ messageId }) => messageId).sort();
}

/** The value of a header that is an own property; undefined if there is none. */
export function ownHeader({ headers }: Delivery, name: string): unknown {
  return Object.getOwnPropertyDescriptor(headers, name)?.value;
}

/** Text as UTF-8. */
export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** A delivery's body as text. */
export function text({ body }: Delivery): string {
  return new TextDecoder().decode(body);
}
