// One running service: connects, starts the processor, consumes, and ends. Owns its life; the parts know nothing of each other.
import type { Clock } from '../clock.ts';
import type { ConsumeConfigFile } from '../config/consume-config.ts';
import type { RetryPolicy } from '../config/settings.ts';
import type { ExitCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Consumer, MessageAdapter } from '../messaging/adapter.ts';
import { encodeMessage } from '../messaging/message.ts';
import type { MessageProcessor, StandardSchema } from '../processor/processor.ts';
import { DeliveryConsumer } from './delivery/consumer.ts';
import { Executor, type DeliveryRecord } from './delivery/executor.ts';
import { watchForFinish } from './delivery/finish.ts';
import { retryDelaysMs } from './delivery/retry.ts';
import { Life } from './service.ts';
import { shutDown } from './shutdown.ts';

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
  readonly onRecord?: (record: DeliveryRecord) => void;
}

export class MessageService {
  readonly #options: MessageServiceOptions;
  readonly #deliveries: DeliveryConsumer;
  readonly #counts = { done: 0, retry: 0, dead: 0, requeue: 0 };
  readonly #life: Life;
  #subscription: Consumer | undefined;

  constructor(options: MessageServiceOptions) {
    this.#options = options;
    this.#life = new Life(options.log);
    const executor = new Executor({
      ...options,
      context: {
        queueName: options.queueName,
        maxAttempts: options.retry.maxAttempts,
        log: options.processorLog,
        // Async, so that a message which is no JSON rejects as any other failure does.
        send: async (queueName, message) => {
          await options.adapter.sendMessage(queueName, encodeMessage(message));
        },
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
    this.#start().catch((error: unknown) => {
      // Once the service ends, the adapter is closed, and the start that used it fails.
      if (!this.#life.isEnding()) this.fail(error);
    });
    return await this.#shutDown();
  }

  /** Asks the service to drain and end. Later calls change nothing. */
  stop(reason: string): void {
    this.#life.stop(reason);
  }

  /** The service cannot go on: drain and end with the error's exit code. */
  fail(error: unknown): void {
    this.#life.fail(error);
  }

  /** What the service failed with first; undefined where it has not. */
  get failure(): unknown {
    return this.#life.failure;
  }

  /**
   * Something threw and nothing caught it, so the process cannot be trusted any more: hand back all work at once and
   * end, also where a drain was under way. The message whose work it came out of counts as failed, or it would bring
   * down one host after the other.
   */
  crash(cause: unknown): void {
    this.#life.crash(cause);
  }

  async #start(): Promise<void> {
    const { adapter, processor, queueName, deadLetterQueueName, concurrency, consumeConfig, log } =
      this.#options;
    await adapter.connect();
    if (this.#life.isEnding()) return;
    await this.#life.startProcessor(processor);
    if (this.#life.isEnding()) return;
    this.#subscription = await adapter.consumeMessages(
      queueName,
      (delivery) => this.#deliveries.accept(delivery),
      {
        concurrency,
        deadLetterQueueName,
        onFailure: (error) => this.fail(error),
        ...(consumeConfig && { pace: () => consumeConfig.read() }),
      },
    );
    // The end did not see this subscription: without this, what it hands back would be delivered to it again.
    if (this.#life.isEnding()) return this.#subscription.drain();
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
    void this.#life.ended.then(stopWatch);
  }

  async #shutDown(): Promise<ExitCode> {
    const { adapter, processor, clock, log, shutdownTimeoutMs } = this.#options;
    const cause = await this.#life.ended;
    if (cause.kind === 'stopped') log.info({ reason: cause.reason }, 'draining');
    const ending = {
      adapter,
      subscription: this.#subscription,
      deliveries: this.#deliveries,
      processor,
      starting: this.#life.starting,
      crashed: this.#life.crashed,
      clock,
      log,
    };
    const cutOff = await shutDown(ending, shutdownTimeoutMs);
    log.info({ ...this.#counts, cutOff }, 'stopped');
    return this.#life.exitCode(cause, cutOff);
  }

  #record(record: DeliveryRecord): void {
    this.#counts[record.outcome.kind]++;
    this.#options.onRecord?.(record);
  }
}
