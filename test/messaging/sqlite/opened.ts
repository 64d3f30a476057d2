// Connections for tests that close themselves, their log lines, and consumers that collect. For tests of SQLite only.
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { systemClock, type Clock } from '../../../src/clock.ts';
import type { Logger } from '../../../src/log.ts';
import type {
  ConsumeOptions,
  Consumer,
  Delivery,
  MessageAdapter,
  Outcome,
} from '../../../src/messaging/adapter.ts';
import { loggedContext, testContext } from '../../support/context.ts';
import { SqliteConnection, type SqliteOptions } from '../../../src/messaging/sqlite/connection.ts';

/** The outcome `done`. */
export const done: Outcome = { kind: 'done' };

/** An outcome `retry` after `delayMs`. */
export function retryAfter(delayMs: number): Outcome {
  return { kind: 'retry', delayMs, error: { name: 'Error', message: 'not now' } };
}

/** One line of the log, parsed. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A logger that keeps its lines. */
export function keepLog(): { log: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) };
  return { log: pino({ level: 'debug', base: null }, stream), lines };
}

/** A connection that is closed when the test has finished. */
export async function open(
  options: SqliteOptions,
  { clock = systemClock, log = keepLog().log }: { clock?: Clock; log?: Logger } = {},
): Promise<MessageAdapter> {
  const adapter = new SqliteConnection(options, testContext({ clock, ...loggedContext(log) }));
  onTestFinished(() => adapter.close());
  await adapter.connect();
  return adapter;
}

/** A consumer and its deliveries. */
export interface Collected {
  readonly consumer: Consumer;
  readonly deliveries: Delivery[];
  readonly failures: Error[];
}

/** Consumes a queue and keeps the deliveries, unsettled. */
export async function collect(
  adapter: MessageAdapter,
  queue: string,
  options: Partial<ConsumeOptions> = {},
): Promise<Collected> {
  const deliveries: Delivery[] = [];
  const failures: Error[] = [];
  const consumer = await adapter.consumeMessages(queue, (delivery) => deliveries.push(delivery), {
    concurrency: 1,
    deadLetterQueueName: `${queue}_dead`,
    onFailure: (error) => failures.push(error),
    ...options,
  });
  return { consumer, deliveries, failures };
}

/** `value` as JSON. */
export function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** The message in a delivery. */
export function messageOf({ body }: Delivery): unknown {
  return JSON.parse(new TextDecoder().decode(body));
}
