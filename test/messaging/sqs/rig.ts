// One connection behind a fault proxy, for the tests of SQS.
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { systemClock, type Clock } from '../../../src/clock.ts';
import type { ConsumeOptions, Delivery, Outcome } from '../../../src/messaging/adapter.ts';
import type { BrokerEvent } from '../../../src/messaging/event.ts';
import { SqsConnection, type SqsOptions } from '../../../src/messaging/sqs/connection.ts';
import { testContext } from '../../support/context.ts';
import { FaultProxy } from './fault-proxy.ts';
import { sqsOptions } from './harness.ts';
import { startServer, type FauxqsServer } from './server.ts';

/** The outcome `done`. */
export const done: Outcome = { kind: 'done' };
/** The outcome `requeue`. */
export const requeue: Outcome = { kind: 'requeue' };

/** A line of the log, parsed. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly queue?: string;
}

/** A server, a proxy in front of it, and a connection through the proxy. */
export interface Rig extends AsyncDisposable {
  readonly server: FauxqsServer;
  readonly proxy: FaultProxy;
  readonly adapter: SqsConnection;
  /** The events of the connection. */
  readonly events: BrokerEvent[];
  /** The log lines of the connection. */
  readonly lines: LogLine[];
  /** Makes a queue with these attributes; returns its name. */
  createQueue(attributes?: Record<string, string>, suffix?: string): string;
  /** Puts messages on a queue, not through the proxy. */
  fill(queueName: string, count: number, groupOf?: (index: number) => string): void;
}

/** @param clock the connection's */
export async function createRig(
  overrides: Partial<SqsOptions> = {},
  clock: Clock = systemClock,
): Promise<Rig> {
  const server = await startServer();
  const proxy = await new FaultProxy(server.port).start();
  const events: BrokerEvent[] = [];
  const lines: LogLine[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => lines.push(JSON.parse(line) as LogLine) });
  const emit = (event: BrokerEvent): void => void events.push(event);
  const adapter = new SqsConnection(sqsOptions(proxy.url, overrides), testContext({ emit, log, clock }));
  await adapter.connect();
  return {
    server,
    proxy,
    adapter,
    events,
    lines,
    createQueue(attributes = {}, suffix = '') {
      const name = `q-${randomUUID()}${suffix}`;
      const fifo = suffix === '' ? {} : { FifoQueue: 'true' };
      return server.createQueue(name, { attributes: { ...fifo, ...attributes } }).queueName;
    },
    fill(queueName, count, groupOf) {
      for (let index = 0; index < count; index++) {
        const fifo = groupOf && { messageGroupId: groupOf(index), messageDeduplicationId: String(index) };
        server.sendMessage(queueName, String(index), fifo);
      }
    },
    async [Symbol.asyncDispose]() {
      proxy.rule = () => 'pass';
      await adapter.close();
      proxy.close();
      await server.stop();
    },
  };
}

/** Consumes a queue; `handle` settles each delivery by itself. */
export async function consume(
  { adapter }: Rig,
  queueName: string,
  concurrency: number,
  handle: (delivery: Delivery) => unknown,
  tuning?: ConsumeOptions['tuning'],
) {
  const failures: Error[] = [];
  const fail = (error: unknown): void => void failures.push(error as Error);
  const consumer = await adapter.consumeMessages(
    queueName,
    (delivery) => void Promise.resolve(handle(delivery)).catch(fail),
    { concurrency, deadLetterQueueName: `${queueName}_dead`, onFailure: fail, ...(tuning && { tuning }) },
  );
  return { consumer, failures };
}

/** The events of one kind. */
export function eventsOf<Kind extends BrokerEvent['kind']>(
  { events }: Rig,
  kind: Kind,
): Extract<BrokerEvent, { readonly kind: Kind }>[] {
  const isOfKind = (event: BrokerEvent): event is Extract<BrokerEvent, { readonly kind: Kind }> =>
    event.kind === kind;
  return events.filter(isOfKind);
}

/** How many messages are in the queue in any state. */
export function remaining({ server }: Rig, queueName: string): number {
  const { ready, delayed, inflight } = server.inspectQueue(queueName)!.messages;
  return ready.length + delayed.length + inflight.length;
}

/** A delivery's body as text. */
export function bodyOf({ body }: Delivery): string {
  return new TextDecoder().decode(body);
}
