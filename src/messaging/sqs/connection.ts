// SqsConnection: the adapter for Amazon SQS. Owns its clients and consumers, and closes them.
//
//   receive   poller -> api, then in-flight -> received (a delivery)         held   lease, lease-keeper, group
//   settle    received -> in-flight -> settlement -> recorder -> batch -> api
//   copies    settlement -> dead-letter -> sender         send   outgoing -> attribute, then sender -> api
//
// consumer ties the parts of one queue together; queue finds and creates queues; failure explains errors.
import { sleep } from '../../clock.ts';
import { BrokerRefusedError, NotConnectedError, SendError, toError, UnroutableError } from '../../errors.ts';
import type {
  AdapterContext,
  Consumer,
  ConsumeOptions,
  Delivery,
  MessageAdapter,
  SendOptions,
} from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import { Patience } from '../patience.ts';
import type { Capabilities, Inspectable, Metered, QueueNeeds } from '../capability.ts';
import { SqsApi, type CallCounts } from './api.ts';
import { largestMessageBytes } from './attribute.ts';
import { SqsConsumer } from './consumer.ts';
import { isClockCorrected, isMissingQueue } from './failure.ts';
import { describeAddress, type SqsOptions } from './options.ts';
import { outgoingMessage } from './outgoing.ts';
import { limitsOf } from './queue-kind.ts';
import { deadLetterName, QueueRegister, wireName, type SqsQueue } from './queue.ts';
import { findMissingRights } from './rights.ts';
import { Sender } from './sender.ts';

export type { CallCounts } from './api.ts';
export type { SqsOptions } from './options.ts';

/** The abilities of SQS. */
export const sqsCapabilities: Capabilities = {
  delayedSend: true,
  // A host that died shows in the attempt: SQS counts how often it delivered a message, not why.
  countsCrashes: false,
  countsEveryDelivery: true,
  ordered: false,
  binaryBodies: false,
  largestBodyBytes: largestMessageBytes,
  protoHeader: true,
  listsMessages: false,
  claimsOccurrences: false,
  inspectsQueues: true,
  journalsCrashes: false,
  paidByTheCall: true,
};

/** A connection to SQS in one region. */
export class SqsConnection implements MessageAdapter, Inspectable, Metered {
  readonly capabilities: Capabilities = sqsCapabilities;
  readonly address: string;
  readonly #settings: SqsOptions;
  readonly #context: AdapterContext;
  readonly #api: SqsApi;
  readonly #register: QueueRegister;
  readonly #sender: Sender;
  readonly #consumers = new Set<SqsConsumer>();
  readonly #closing = new AbortController();
  readonly #patience: Patience;
  #isOpen = false;
  #closed: Promise<void> | undefined;

  constructor(settings: SqsOptions, context: AdapterContext) {
    const { clock, emit, refusalPatienceMs = 0 } = context;
    this.#settings = settings;
    this.#context = context;
    this.address = describeAddress(settings);
    this.#api = new SqsApi(settings, clock);
    this.#register = new QueueRegister(this.#api, settings.region, emit);
    this.#sender = new Sender({ api: this.#api, clock });
    this.#patience = new Patience(clock, refusalPatienceMs);
  }

  get calls(): Readonly<CallCounts> {
    return this.#api.counts;
  }

  async connect(): Promise<void> {
    const { clock, emit } = this.#context;
    const broker = this.address;
    let failures = 0;
    while (!this.#isOpen && !this.#isClosing()) {
      try {
        await this.#api.probe();
        if (this.#isClosing()) return;
        this.#isOpen = true;
        emit({ kind: 'broker-connected', broker, isReconnect: false });
      } catch (error) {
        // `close` has aborted the call.
        if (this.#isClosing()) return;
        failures++;
        if (this.#isRefused(error, failures)) throw error;
        emit({ kind: 'broker-connect-failed', broker, error: toError(error) });
        await sleep(clock, backoffMs(failures), this.#closing.signal);
      }
    }
  }

  /** Whether SQS has been refusing us for too long. */
  #isRefused(error: unknown, failures: number): boolean {
    const isRefusal = error instanceof BrokerRefusedError && !(failures === 1 && isClockCorrected(error));
    if (isRefusal) return this.#patience.refused();
    this.#patience.renew();
    return false;
  }

  async ensureQueue(queueName: string): Promise<void> {
    this.#assertOpen();
    await this.#register.ensure(queueName);
  }

  async sendMessage(queueName: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    this.#assertOpen();
    const queue = await this.#findTarget(queueName);
    try {
      await this.#sender.send(queue, outgoingMessage(queue, body, options));
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
    this.#assertOpen();
    const consumer = new SqsConsumer({
      ...options,
      api: this.#api,
      context: this.#context,
      register: this.#register,
      sender: this.#sender,
      settings: this.#settings,
      queueName,
      onDelivery,
    });
    this.#consumers.add(consumer);
    await consumer.start();
    return consumer;
  }

  /**
   * Approximate: SQS counts with a delay, and has one number for messages in flight and those waiting for a retry.
   * Messages in flight on this connection are subtracted; those in flight on other hosts are not.
   */
  async countMessages(queueName: string): Promise<number> {
    this.#assertOpen();
    const queue = await this.#register.find(queueName);
    const before = this.#inFlight(queue);
    const { visible, invisible } = await this.#register.count(queue);
    return visible + Math.max(0, invisible - Math.max(before, this.#inFlight(queue)));
  }

  async inspectQueue(queueName: string, needs: QueueNeeds): Promise<readonly string[]> {
    this.#assertOpen();
    const queue = await this.#register.findOrCreatable(queueName);
    const facts = queue && (await this.#register.facts(queue));
    const deadLetterQueueName = deadLetterName(needs.deadLetterQueueName, wireName(queueName));
    // Where dead letters go; see DeadLetterSender.
    const deadLetterQueue =
      (facts?.redrive && (await this.#register.findIfAny(facts.redrive.arn))) ??
      (await this.#register.findOrCreatable(deadLetterQueueName));
    const missing = await findMissingRights(this.#api, {
      queue,
      deadLetterQueue,
      missing: [queue ? [] : wireName(queueName), deadLetterQueue ? [] : deadLetterQueueName].flat(),
    });
    if (missing.length > 0) throw new BrokerRefusedError(missing.join('; '));
    return facts ? limitsOf(wireName(queueName), facts, needs.maxAttempts) : [];
  }

  async close(): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  async #close(): Promise<void> {
    this.#isOpen = false;
    this.#closing.abort();
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    this.#sender.close();
    this.#api.close();
  }

  /** A method, since TypeScript takes a property to be the same after an await. */
  #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new NotConnectedError(this.address);
  }

  async #findTarget(queueName: string): Promise<SqsQueue> {
    try {
      return await this.#register.find(queueName);
    } catch (cause) {
      if (isMissingQueue(cause)) throw new UnroutableError(queueName);
      throw new SendError(queueName, `not sent to queue "${queueName}": ${toError(cause).message}`, {
        cause,
      });
    }
  }

  /** How many messages of a queue this connection holds. */
  #inFlight({ name }: SqsQueue): number {
    const sizes = [...this.#consumers].map((consumer) => (consumer.queueName === name ? consumer.size : 0));
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}
