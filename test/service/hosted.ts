// A service in the test's own process: what it was given, how each delivery ended, what it logged. Knows no broker.
import { pino } from 'pino';
import { onTestFinished, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { ExitCode } from '../../src/errors.ts';
import type { Logger } from '../../src/log.ts';
import type { MessageAdapter } from '../../src/messaging/adapter.ts';
import type { MessageContext, MessageProcessor } from '../../src/processor/processor.ts';
import type { DeliveryRecord } from '../../src/service/delivery/executor.ts';
import { MessageService, type MessageServiceOptions } from '../../src/service/message-service.ts';
import { patience } from './broker.ts';

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

export interface Hosted {
  readonly service: MessageService;
  readonly calls: readonly Call[];
  readonly records: readonly DeliveryRecord[];
  readonly lines: readonly LogLine[];
  /** Resolves with the exit code when the service has ended. */
  readonly ended: Promise<ExitCode>;
  /** Waits until so many deliveries have been settled. */
  settled(count: number): Promise<void>;
  /** Waits until `process` has been called so often. */
  called(count: number): Promise<void>;
  /** Drains the service. */
  stop(): Promise<ExitCode>;
}

/** Runs a service until it is stopped, at the latest when the test has finished. Resolves once it consumes. */
export async function host(
  adapter: MessageAdapter,
  queueName: string,
  process: MessageProcessor['process'],
  overrides: Partial<MessageServiceOptions> & { readonly logLevel?: string } = {},
): Promise<Hosted> {
  const calls: Call[] = [];
  const records: DeliveryRecord[] = [];
  const { log, lines } = keepLog(overrides.logLevel);
  const processor: MessageProcessor = {
    process: (message, context) => {
      calls.push({ message, context, at: Date.now() });
      return process(message, context);
    },
  };
  const service = new MessageService({
    adapter,
    processor,
    schema: undefined,
    queueName,
    deadLetterQueueName: `${queueName}_dead`,
    concurrency: 1,
    retry: { maxAttempts: 3, initialDelayMs: 20, factor: 2, maxDelayMs: 1000 },
    processTimeoutMs: undefined,
    shutdownTimeoutMs: 10_000,
    consumeConfig: undefined,
    clock: systemClock,
    log: log.child({ name: 'svchost' }),
    processorLog: log.child({ name: 'shop' }),
    onRecord: (record) => records.push(record),
    ...overrides,
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

/** A promise and its ends. */
export function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Never settles: work that hangs. */
export const never = new Promise<never>(() => undefined);

/** `target` with another method of that name; the others keep their `this`, for the sake of private fields. */
export function overridden<T extends object>(target: T, method: keyof T, replacement: unknown): T {
  return new Proxy(target, {
    get: (object, name) => {
      if (name === method) return replacement;
      const value: unknown = Reflect.get(object, name);
      return typeof value === 'function' ? (value as () => unknown).bind(object) : value;
    },
  });
}
