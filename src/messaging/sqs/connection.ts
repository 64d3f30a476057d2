// SqsConnection: the adapter for Amazon SQS. Owns its calls' clients and what it opened; queues, sends and deliveries are
// next door.
import { sleep } from '../../clock.ts';
import { BrokerRefusedError, SendError, toError, UnroutableError, UnsupportedError } from '../../errors.ts';
import type {
  AdapterContext,
  Capabilities,
  Consumer,
  ConsumeOptions,
  Delivery,
  MessageAdapter,
  SendOptions,
} from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import { SqsApi, type CallCounts } from './api.ts';
import { SqsConsumer } from './consumer.ts';
import { describeFailure, failureName, isClockCorrected, isMissingQueue, refusalOf } from './failure.ts';
import { describeAddress, type SqsOptions } from './options.ts';
import { outgoingMessage } from './outgoing.ts';
import { wireName } from './queue-name.ts';
import { QueueRegister, type SqsQueue } from './queue.ts';
import { Senders } from './senders.ts';

export type { CallCounts } from './api.ts';
export type { SqsCredentials, SqsOptions } from './options.ts';

/** Asked for to see whether SQS answers, and with these credentials. That there is no such queue, or no right, is an answer. */
const probeQueueName = 'svchost-probe';

export class SqsConnection implements MessageAdapter {
  // What a crash did is seen in the attempt: SQS counts how often it handed a message out, not why.
  readonly capabilities: Capabilities = { delayedSend: true, countsCrashes: false };
  readonly address: string;
  readonly #options: SqsOptions;
  readonly #context: AdapterContext;
  readonly #api: SqsApi;
  readonly #register: QueueRegister;
  readonly #senders: Senders;
  readonly #consumers = new Set<SqsConsumer>();
  readonly #closing = new AbortController();
  #isOpen = false;
  #closed: Promise<void> | undefined;

  constructor(options: SqsOptions, context: AdapterContext) {
    this.#options = options;
    this.#context = context;
    this.address = describeAddress(options);
    this.#api = new SqsApi(options, context);
    this.#register = new QueueRegister(this.#api, context);
    this.#senders = new Senders(this.#api, context);
  }

  get calls(): Readonly<CallCounts> {
    return this.#api.counts;
  }

  async connect(): Promise<void> {
    for (let failures = 1; !this.#isOpen && !this.#closing.signal.aborted; failures++) {
      try {
        await this.#probe();
        this.#isOpen = true;
        this.#context.log.info({ address: this.address }, 'connected');
      } catch (error) {
        const place = { action: 'GetQueueUrl', queueName: undefined, region: this.#options.region };
        const refusal = refusalOf(error, place);
        if (refusal && !(failures === 1 && isClockCorrected(error))) throw refusal;
        const reason = describeFailure(error, place);
        this.#context.log.warn({ address: this.address, failures, reason }, 'cannot connect; trying again');
        await sleep(this.#context.clock, backoffMs(failures), this.#closing.signal);
      }
    }
  }

  async ensureQueue(queueName: string): Promise<void> {
    await this.#register.ensure(queueName);
  }

  async sendMessage(queueName: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    const queue = await this.#target(queueName);
    try {
      await this.#senders.to(queue).send(outgoingMessage(queue, body, options));
    } catch (error) {
      if (error instanceof UnroutableError) this.#register.forget(queue.name);
      throw error;
    }
  }

  async consumeMessages(
    queueName: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions,
  ): Promise<Consumer> {
    const tools = { register: this.#register, senders: this.#senders, options: this.#options };
    const consumer = new SqsConsumer(tools, queueName, onDelivery, options);
    this.#consumers.add(consumer);
    await consumer.start();
    return consumer;
  }

  /**
   * About: SQS counts with a delay. It does not tell what waits for a retry from what others have in work, so both are
   * counted; what this connection has in work is not.
   */
  async countMessages(queueName: string): Promise<number> {
    const name = wireName(queueName);
    const own = (): number =>
      [...this.#consumers].reduce(
        (sum, consumer) => sum + (consumer.queueName === name ? consumer.size : 0),
        0,
      );
    const queue = await this.#register.find(name);
    const before = own();
    const { visible, invisible } = await this.#register.count(queue);
    return visible + Math.max(0, invisible - Math.max(before, own()));
  }

  /** SQS takes a message away by itself when it was received more often than its redrive policy says. */
  async inspectQueue(queueName: string, maxAttempts: number): Promise<readonly string[]> {
    try {
      const { redrive } = await this.#register.facts(await this.#register.find(queueName));
      if (!redrive || redrive.maxReceiveCount >= maxAttempts) return [];
      const { maxReceiveCount } = redrive;
      return [
        `queue "${wireName(queueName)}" has a redrive policy with maxReceiveCount ${maxReceiveCount}, below ` +
          `RETRY_MAX_ATTEMPTS ${maxAttempts}: SQS moves messages to "${redrive.queueName}" before their last attempt; ` +
          `raise maxReceiveCount, best to more than ${maxAttempts}, as it counts hand-backs too`,
      ];
    } catch (error) {
      // It is made when the service starts.
      if (isMissingQueue(error)) return [];
      throw error;
    }
  }

  claimOccurrence(): Promise<boolean> {
    const why = 'SQS has nothing that only one of many can have';
    return Promise.reject(
      new UnsupportedError(`${why}: CRON_REPLICAS=once needs RabbitMqConnection or SqliteConnection`),
    );
  }

  async close(): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  async #close(): Promise<void> {
    this.#isOpen = false;
    this.#closing.abort();
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    this.#senders.close();
    this.#api.close();
  }

  async #probe(): Promise<void> {
    await this.#api.findCredentials();
    try {
      await this.#api.lookUp(probeQueueName);
    } catch (error) {
      // Denied is an answer too: the rights that count are those on the service's own queues.
      if (isMissingQueue(error) || /AccessDenied/.test(failureName(error))) return;
      throw error;
    }
  }

  async #target(queueName: string): Promise<SqsQueue> {
    if (!this.#isOpen) {
      throw new SendError(queueName, `not sent to queue "${queueName}": the connection is not open`);
    }
    try {
      return await this.#register.find(queueName);
    } catch (cause) {
      if (isMissingQueue(cause)) throw new UnroutableError(queueName);
      const place = { action: 'GetQueueUrl', queueName, region: this.#options.region };
      const reason =
        cause instanceof BrokerRefusedError ? cause.message : describeFailure(toError(cause), place);
      throw new SendError(queueName, `not sent to queue "${queueName}": ${reason}`, { cause });
    }
  }
}
