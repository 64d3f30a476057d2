// A service driven by the messages of one or more queues, each with its own pipeline; one drain ends them all.
import type { ConsumeConfigFile } from '../config/consume-config.ts';
import type { RetryPolicy } from '../config/settings.ts';
import type { Logger } from '../log.ts';
import type { Consumer, MessageAdapter } from '../messaging/adapter.ts';
import { isCrashJournal, type CrashJournal } from '../messaging/capability.ts';
import { encodeMessage } from '../messaging/message.ts';
import type { MessageProcessor, StandardSchema } from '../processor/processor.ts';
import { DeliveryConsumer } from './delivery/consumer.ts';
import { DiskJournal } from './delivery/disk-journal.ts';
import { Executor } from './delivery/executor.ts';
import { watchForFinish } from './delivery/finish.ts';
import { Floor } from './delivery/floor.ts';
import { retryDelaysMs } from './delivery/retry.ts';
import { Suspects } from './delivery/suspect.ts';
import { together, type InFlight } from './in-flight.ts';
import { Service, type ServiceOptions, type Work } from './service.ts';

/** One queue of a service, and the function that processes its messages. */
export interface QueueOptions {
  readonly queueName: string;
  readonly deadLetterQueueName: string;
  /** The largest number of messages that are processed at once. */
  readonly concurrency: number;
  readonly process: MessageProcessor['process'];
  readonly schema: StandardSchema | undefined;
  readonly retry: RetryPolicy;
  /** How many times a host may die of one message that it processes alone. */
  readonly crashMaxDeliveries: number;
  /** Milliseconds; undefined for no limit. */
  readonly processTimeoutMs: number | undefined;
}

/** The options of a service driven by messages. Durations are milliseconds. */
export interface MessageServiceOptions extends ServiceOptions {
  readonly adapter: MessageAdapter;
  readonly queues: readonly QueueOptions[];
  /** Used if the broker keeps no crash journal. Default: files on this machine. */
  readonly diskJournal?: CrashJournal;
  readonly consumeConfig: ConsumeConfigFile | undefined;
  /** The processor's logger. */
  readonly processorLog: Logger;
}

/** Creates a service that consumes these queues; it is not started yet. */
export function createMessageService(options: MessageServiceOptions): Service {
  return new Service(options, new MessageWork(options));
}

/** One queue's part of the work. */
interface Pipeline {
  readonly queue: QueueOptions;
  readonly deliveries: DeliveryConsumer;
}

class MessageWork implements Work {
  readonly inFlight: InFlight;
  /** `lost`: the broker did not get the outcome, and redelivers the message. */
  readonly counts = { done: 0, retry: 0, dead: 0, requeue: 0, lost: 0 };
  readonly #options: MessageServiceOptions;
  readonly #floor: Floor;
  readonly #pipelines: readonly Pipeline[];
  readonly #subscriptions: Consumer[] = [];
  #service: Service | undefined;

  constructor(options: MessageServiceOptions) {
    this.#options = options;
    this.#floor = new Floor(options.clock);
    this.#pipelines = options.queues.map((queue) => this.#createPipeline(queue));
    this.inFlight = together(this.#pipelines.map(({ deliveries }) => deliveries));
    options.events.listen((event) => {
      if (event.kind === 'delivery-ended') this.counts[event.isSettled ? event.outcome.kind : 'lost']++;
    });
  }

  /** How many deliveries are in flight. */
  get size(): number {
    return this.inFlight.size;
  }

  /** How many deliveries have been accepted so far. */
  get accepted(): number {
    return this.#pipelines.reduce((sum, { deliveries }) => sum + deliveries.accepted, 0);
  }

  /** How many messages cannot be moved. */
  get held(): number {
    return this.#pipelines.reduce((sum, { deliveries }) => sum + deliveries.held, 0);
  }

  async connect(service: Service): Promise<void> {
    this.#service = service;
    await this.#options.adapter.connect();
  }

  async start(service: Service): Promise<void> {
    for (const pipeline of this.#pipelines) {
      await this.#subscribe(pipeline, service);
      if (service.isEnding()) return;
    }
    this.#watchForFinish(service);
  }

  async drain(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.drain()));
  }

  #createPipeline(queue: QueueOptions): Pipeline {
    const { adapter, processorLog: log } = this.#options;
    const executor = new Executor({
      ...this.#options,
      ...queue,
      context: {
        queueName: queue.queueName,
        maxAttempts: queue.retry.maxAttempts,
        log,
        // Async, so that a message that JSON cannot express rejects like any other failure.
        send: async (queueName, message) => {
          await adapter.sendMessage(queueName, encodeMessage(message));
        },
      },
    });
    const onFailure = (error: unknown) => this.#service?.fail(error);
    return {
      queue,
      deliveries: new DeliveryConsumer({
        executor,
        concurrency: queue.concurrency,
        suspects: this.#createSuspects(queue),
        floor: this.#floor,
        onFailure,
      }),
    };
  }

  #createSuspects(queue: QueueOptions): Suspects {
    const { adapter, diskJournal = new DiskJournal() } = this.#options;
    return new Suspects({
      ...this.#options,
      ...queue,
      capabilities: adapter.capabilities,
      journal: isCrashJournal(adapter) ? adapter : diskJournal,
      floor: this.#floor,
      maxAttempts: queue.retry.maxAttempts,
    });
  }

  async #subscribe({ queue, deliveries }: Pipeline, service: Service): Promise<void> {
    const { adapter, consumeConfig, events } = this.#options;
    const { queueName, deadLetterQueueName, concurrency, retry } = queue;
    const subscription = await adapter.consumeMessages(queueName, (delivery) => deliveries.accept(delivery), {
      concurrency,
      maxAttempts: retry.maxAttempts,
      deadLetterQueueName,
      onFailure: (error) => service.fail(error),
      ...(consumeConfig && { tuning: () => consumeConfig.read().tuning }),
    });
    this.#subscriptions.push(subscription);
    if (service.isEnding()) return;
    events.emit({ kind: 'consumer-started', queue: queueName, concurrency, broker: adapter.address });
  }

  #watchForFinish(service: Service): void {
    const { consumeConfig: config, adapter, clock, events } = this.#options;
    if (!config) return;
    const queues = this.#options.queues;
    const stopWatch = watchForFinish({
      config,
      countWaiting: async () => {
        const counts = queues.map(({ queueName, retry }) =>
          adapter.countMessages(queueName, retryDelaysMs(retry)),
        );
        return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
      },
      work: this,
      clock,
      onCountFailed: (thrown) => events.emit({ kind: 'count-failed', thrown }),
      onFinished: () => service.complete(this.held),
    });
    void service.ending.then(stopWatch);
  }
}
