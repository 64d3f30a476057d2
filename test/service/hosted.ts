// A service in the test's own process: records its calls, the end of each delivery, and its log. Works with any broker.
import { pino } from 'pino';
import { onTestFinished, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { ExitCode } from '../../src/errors.ts';
import type { Logger } from '../../src/log.ts';
import type { MessageAdapter } from '../../src/messaging/adapter.ts';
import type { MessageContext, MessageProcessor } from '../../src/processor/processor.ts';
import { logEvents } from '../../src/service/event-log.ts';
import { ServiceEvents, type DeliveryEnded } from '../../src/service/events.ts';
import {
  createMessageService,
  type MessageServiceOptions,
  type QueueOptions,
} from '../../src/service/message-service.ts';
import type { Service } from '../../src/service/service.ts';
import { patience } from './broker.ts';

/** A line of the log, parsed. */
export type LogLine = Readonly<{ [field: string]: unknown }>;

/** pino's number of the level `info`. */
export const infoLevel = 30;

/** A logger that keeps its lines. */
export function keepLog(level = 'trace'): { log: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) };
  return { log: pino({ level, base: null }, stream), lines };
}

/** One call of `process`. */
export interface Call {
  readonly message: unknown;
  readonly context: MessageContext;
  readonly at: number;
}

/** A running service and its records. */
export interface Hosted {
  readonly service: Service;
  readonly calls: readonly Call[];
  readonly records: readonly DeliveryEnded[];
  readonly lines: readonly LogLine[];
  /** Resolves with the exit code when the service has ended. */
  readonly ended: Promise<ExitCode>;
  /** Waits until that many deliveries have been settled. */
  settled(count: number): Promise<void>;
  /** Waits until `process` has been called that many times. */
  called(count: number): Promise<void>;
  /** Drains the service. */
  stop(): Promise<ExitCode>;
}

/** What a test may change of its queue. */
export type QueueOverrides = Partial<Omit<QueueOptions, 'queueName' | 'deadLetterQueueName' | 'process'>>;

/** Options of the service, with defaults for a test. */
export interface HostOptions
  extends
    Partial<Omit<MessageServiceOptions, 'queues' | 'adapter' | 'events' | 'processor'>>,
    QueueOverrides {
  readonly logLevel?: string;
  /** Called with each delivery that has ended, instead of keeping it in `records`. */
  readonly onRecord?: (record: DeliveryEnded) => void;
  /** Replaces `process`, which is then never called. */
  readonly processor?: MessageProcessor;
}

/** The queue of a service in a test. */
export function queueOf(
  queueName: string,
  process: MessageProcessor['process'],
  overrides: QueueOverrides = {},
): QueueOptions {
  return {
    queueName,
    deadLetterQueueName: `${queueName}_dead`,
    process,
    concurrency: 1,
    schema: undefined,
    retry: { maxAttempts: 3, initialDelayMs: 20, factor: 2, maxDelayMs: 1000 },
    crashMaxDeliveries: 3,
    processTimeoutMs: undefined,
    ...overrides,
  };
}

/** Runs a service until it is stopped, at the latest after the test. Resolves once it consumes. */
export async function host(
  adapter: MessageAdapter,
  queueName: string,
  process: MessageProcessor['process'],
  { logLevel, onRecord, ...overrides }: HostOptions = {},
): Promise<Hosted> {
  const calls: Call[] = [];
  const records: DeliveryEnded[] = [];
  const { log, lines } = keepLog(logLevel);
  const processor: MessageProcessor = overrides.processor ?? {
    process: (message, context) => {
      calls.push({ message, context, at: Date.now() });
      return process(message, context);
    },
  };
  const events = new ServiceEvents();
  logEvents(events, log.child({ name: 'svchost' }));
  const keep = onRecord ?? ((record) => void records.push(record));
  events.listen((event) => {
    if (event.kind === 'delivery-ended') keep(event);
  });
  const service = createMessageService({
    adapter,
    queues: [queueOf(queueName, processor.process.bind(processor), overrides)],
    shutdownTimeoutMs: 10_000,
    consumeConfig: undefined,
    clock: systemClock,
    events,
    processorLog: log.child({ name: 'shop' }),
    ...overrides,
    processor,
  });
  const ended = service.run();
  const stop = () => {
    service.stop('the test');
    return ended;
  };
  onTestFinished(async () => {
    await stop();
  });
  const until = async (isSo: () => boolean) => {
    await vi.waitUntil(isSo, patience);
  };
  await until(() => lines.some(({ msg }) => String(msg).startsWith('consuming queue')));
  return {
    service,
    calls,
    records,
    lines,
    ended,
    settled: (count) => until(() => records.length >= count),
    called: (count) => until(() => calls.length >= count),
    stop,
  };
}

/** A promise, and the functions that settle it. */
export function deferred(): PromiseWithResolvers<void> {
  return Promise.withResolvers();
}

/** Never settles, like work that hangs. */
export const never = new Promise<never>(() => undefined);

/** `target` with one method replaced; the others keep their `this`, because of private fields. */
export function overridden<T extends object>(target: T, method: keyof T, replacement: unknown): T {
  return new Proxy(target, {
    get: (object, name) => {
      if (name === method) return replacement;
      const value: unknown = Reflect.get(object, name);
      return typeof value === 'function' ? (value as () => unknown).bind(object) : value;
    },
  });
}
