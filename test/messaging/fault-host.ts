// A small host for tests of a broker's faults: it consumes a queue, retries some messages, and records its work.
import type { Consumer, Delivery, MessageAdapter } from '../../src/messaging/adapter.ts';

/** How long a test waits for the recovery from a fault. */
export const faultPatience = { timeout: 45_000, interval: 20 };

/** A running host. */
export interface FaultHost<Adapter extends MessageAdapter> {
  readonly adapter: Adapter;
  readonly consumer: Consumer;
  /** The contents of the messages that are done. */
  readonly done: Set<string>;
  readonly deliveries: Delivery[];
  readonly failures: Error[];
}

/** How a host works. */
export interface FaultHostOptions {
  readonly queue: string;
  /** Default: `briefWork`. */
  readonly work?: ((delivery: Delivery) => Promise<void>) | undefined;
  /** Default: 3. */
  readonly concurrency?: number | undefined;
}

/** Starts a host on a connected adapter; each fifth message is retried once, after 50 ms. */
export async function startFaultHost<Adapter extends MessageAdapter>(
  adapter: Adapter,
  { queue, work = briefWork, concurrency = 3 }: FaultHostOptions,
): Promise<FaultHost<Adapter>> {
  const done = new Set<string>();
  const deliveries: Delivery[] = [];
  const failures: Error[] = [];
  const process = async (delivery: Delivery) => {
    await work(delivery);
    if (Number(textOf(delivery)) % 5 === 0 && delivery.attempt === 1) {
      const error = { name: 'Error', message: 'once' };
      await delivery.settle({ kind: 'retry', delayMs: 50, error });
      return;
    }
    done.add(textOf(delivery));
    await delivery.settle({ kind: 'done' });
  };
  const onDelivery = (delivery: Delivery) => {
    deliveries.push(delivery);
    void process(delivery);
  };
  const consumer = await adapter.consumeMessages(queue, onDelivery, {
    concurrency,
    deadLetterQueueName: `${queue}_dead`,
    onFailure: (error) => failures.push(error),
  });
  return { adapter, consumer, done, deliveries, failures };
}

/** Work that takes one turn of the event loop. */
export const briefWork = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Sends `first` to `first + count - 1`. */
export async function sendMessages(
  adapter: MessageAdapter,
  queue: string,
  count: number,
  first = 0,
): Promise<void> {
  const contents = Array.from({ length: count }, (_, index) => String(first + index));
  await Promise.all(contents.map((content) => sendSurely(adapter, queue, content)));
}

/** Sends a message, and again if it is not confirmed, as a careful sender does. */
export async function sendSurely(adapter: MessageAdapter, queue: string, content: string): Promise<void> {
  for (;;) {
    try {
      await adapter.sendMessage(queue, Buffer.from(content));
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** The content of a delivery. */
export function textOf({ body }: Delivery): string {
  return Buffer.from(body).toString();
}
