// One running service: connects, starts the processor, consumes, and ends. Owns its life; the parts know nothing of each other.
import { within, type Clock } from '../clock.ts';
import type { ConsumeConfigFile } from '../config/consume-config.ts';
import type { RetryPolicy } from '../config/settings.ts';
import { exitCode, SvchostError, toError, type ExitCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Consumer, MessageAdapter } from '../messaging/adapter.ts';
import { encodeMessage } from '../messaging/message.ts';
import type { MessageProcessor, StandardSchema } from '../processor/processor.ts';
import { DeliveryConsumer } from './consumer.ts';
import { Executor, type Record } from './executor.ts';
import { watchForFinish } from './finish.ts';
import { retryDelaysMs } from './retry.ts';
import { currentRun, type Run } from './run.ts';
import { shutDown, stepTimeoutMs, type Crash } from './shutdown.ts';

/** What drives one processor by the messages of one queue. */
export interface MessageServiceOptions {
  readonly adapter: MessageAdapter;
  readonly processor: MessageProcessor;
  readonly schema: StandardSchema | undefined;
  readonly queueName: string;
  readonly deadLetterQueueName: string;
  readonly concurrency: number;
  readonly retry: RetryPolicy;
  /** Undefined for no limit. */
  readonly processTimeoutMs: number | undefined;
  readonly shutdownTimeoutMs: number;
  readonly consumeConfig: ConsumeConfigFile | undefined;
  readonly clock: Clock;
  /** The host's own logger. */
  readonly log: Logger;
  /** The processor's logger. */
  readonly processorLog: Logger;
  readonly onRecord?: (record: Record) => void;
}

/** Why a service ends. */
type Cause =
  | { readonly kind: 'stopped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly error: Error; readonly crash?: Crash };

export class MessageService {
  readonly #options: MessageServiceOptions;
  readonly #deliveries: DeliveryConsumer;
  readonly #counts = { done: 0, retry: 0, dead: 0, requeue: 0 };
  readonly #ended: Promise<Cause>;
  #end: (cause: Cause) => void = () => undefined;
  #processor: MessageProcessor | undefined;
  #subscription: Consumer | undefined;

  constructor(options: MessageServiceOptions) {
    this.#options = options;
    this.#ended = new Promise((resolve) => (this.#end = resolve));
    const executor = new Executor({
      ...options,
      context: {
        queueName: options.queueName,
        maxAttempts: options.retry.maxAttempts,
        log: options.processorLog,
        send: (queueName, message) => options.adapter.sendMessage(queueName, encodeMessage(message)),
      },
      onRecord: (record) => this.#record(record),
    });
    this.#deliveries = new DeliveryConsumer(executor, options.concurrency, (error) => this.fail(error));
  }

  /**
   * Runs until it is stopped, finished or failed, and has ended in order.
   *
   * @returns the exit code that tells how it went
   */
  async run(): Promise<ExitCode> {
    const started = this.#start().catch((error: unknown) => this.fail(error));
    const cause = await this.#ended;
    const code = await this.#shutDown(cause);
    // A start that waited for the broker has ended with the adapter; one that hangs in the processor may not.
    await within(this.#options.clock, stepTimeoutMs, started);
    return code;
  }

  /** Asks the service to drain and end. Later calls change nothing. */
  stop(reason: string): void {
    this.#end({ kind: 'stopped', reason });
  }

  /** The service cannot go on: drain and end with the error's exit code. */
  fail(error: unknown): void {
    this.#end({ kind: 'failed', error: toError(error) });
  }

  /**
   * Something threw and nothing caught it, so the process cannot be trusted any more: hand back all work at once and
   * end. The message whose work it came out of counts as failed, or it would bring down one host after the other.
   */
  crash(cause: unknown): void {
    const run: Run | undefined = currentRun.getStore();
    this.#end({ kind: 'failed', error: toError(cause), crash: { run, cause } });
  }

  async #start(): Promise<void> {
    const { adapter, processor, queueName, deadLetterQueueName, concurrency, log } = this.#options;
    await adapter.connect();
    this.#processor = processor;
    await processor.start?.();
    this.#subscription = await adapter.consumeMessages(
      queueName,
      (delivery) => this.#deliveries.accept(delivery),
      {
        concurrency,
        deadLetterQueueName,
        onFailure: (error) => this.fail(error),
      },
    );
    log.info({ queue: queueName, concurrency, broker: adapter.address }, `consuming queue ${queueName}`);
    this.#watchForFinish();
  }

  #watchForFinish(): void {
    const { consumeConfig: config, adapter, queueName, retry, clock, log } = this.#options;
    if (!config) return;
    const stopWatch = watchForFinish({
      config,
      countWaiting: () => adapter.countMessages(queueName, retryDelaysMs(retry)),
      work: this.#deliveries,
      clock,
      log,
      onFinished: () => this.stop('finished: the queue is empty'),
    });
    void this.#ended.then(stopWatch);
  }

  async #shutDown(cause: Cause): Promise<ExitCode> {
    const { adapter, clock, log, shutdownTimeoutMs } = this.#options;
    const crash = cause.kind === 'failed' ? cause.crash : undefined;
    if (cause.kind === 'stopped') log.info({ reason: cause.reason }, 'draining');
    else
      log.fatal(
        { error: describe(cause.error) },
        crash ? 'nothing caught an error; ending' : 'the service failed; ending',
      );

    const ending = {
      adapter,
      subscription: this.#subscription,
      deliveries: this.#deliveries,
      processor: this.#processor,
      clock,
      log,
    };
    const cutOff = await shutDown(ending, crash ? 0 : shutdownTimeoutMs, crash);
    log.info({ ...this.#counts, cutOff }, 'stopped');
    if (cause.kind === 'failed') return crash ? exitCode.failed : exitCodeOf(cause.error);
    return cutOff > 0 ? exitCode.drainTimedOut : exitCode.ok;
  }

  #record(record: Record): void {
    this.#counts[record.outcome.kind]++;
    this.#options.onRecord?.(record);
  }
}

function exitCodeOf(error: Error): ExitCode {
  return error instanceof SvchostError ? error.exitCode : exitCode.failed;
}

function describe({ name, message, stack }: Error) {
  return { name, message, stack };
}
