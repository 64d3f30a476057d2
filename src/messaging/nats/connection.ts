// NatsConnection: the adapter for NATS JetStream.
//
//   receive   consumer -> session -> received -> lease -> delivery       settle   delivery -> settlement -> lease
//   copies    delivery -> copy -> settlement -> stream, publisher          send   header -> publisher
import { randomUUID } from 'node:crypto';
import type { MsgHdrs } from '@nats-io/transport-node';
import { BrokerRefusedError, NotConnectedError, UnsupportedError, UnwritableError } from '../../errors.ts';
import type {
  AdapterContext,
  Consumer,
  ConsumeOptions,
  Delivery,
  MessageAdapter,
  SendOptions,
} from '../adapter.ts';
import type { MessageFacts } from '../message.ts';
import type { Browsable, Capabilities, Claiming, Inspectable, QueueNeeds } from '../capability.ts';
import { browse } from './browse.ts';
import { NatsConsumer } from './consumer.ts';
import { copyRoomBytes } from './copy.ts';
import { encodeWire, sentFacts, sizeOf, type Wire } from './header.ts';
import { Link } from './link.ts';
import { messageSubject } from './name.ts';
import type { NatsOptions } from './options.ts';
import { Claims } from './occurrence.ts';
import { Publisher, tooLarge } from './publisher.ts';
import { findMissingRights } from './rights.ts';
import { Queues } from './stream.ts';
import { limitsOf } from './stream-kind.ts';

export type { NatsOptions } from './options.ts';

/** The server's default of max_payload, in bytes: a message with its headers. */
const defaultLargestBytes = 1_048_576;

/** Room that `Capabilities.largestBodyBytes` leaves for headers, in bytes. */
const headerRoomBytes = 8_192;

/** A connection to NATS JetStream; several servers are tried in turn. */
export class NatsConnection implements MessageAdapter, Claiming, Browsable, Inspectable {
  readonly #context: AdapterContext;
  readonly #link: Link;
  readonly #queues: Queues;
  readonly #publisher: Publisher;
  readonly #claims: Claims;
  readonly #consumers = new Set<NatsConsumer>();
  #connecting: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(settings: NatsOptions, context: AdapterContext) {
    this.#context = context;
    this.#link = new Link(settings, context);
    this.#queues = new Queues({ link: this.#link, settings, context });
    this.#publisher = new Publisher(this.#link, this.#queues);
    this.#claims = new Claims(this.#link, settings);
  }

  get address(): string {
    return this.#link.address;
  }

  /** Once connected, the server tells the largest body; before, it is a server's default. */
  get capabilities(): Capabilities {
    return {
      delayedSend: false,
      countsCrashes: true,
      countsEveryDelivery: false,
      ordered: true,
      binaryBodies: true,
      largestBodyBytes: (this.#link.largestMessageBytes ?? defaultLargestBytes) - headerRoomBytes,
      protoHeader: true,
      listsMessages: true,
      claimsOccurrences: true,
      inspectsQueues: true,
      journalsCrashes: false,
      paidByTheCall: false,
    };
  }

  async connect(): Promise<void> {
    this.#connecting ??= this.#link.connect();
    await this.#connecting;
  }

  async ensureQueue(queueName: string): Promise<void> {
    this.#assertOpen();
    await this.#queues.ensure(queueName);
  }

  async sendMessage(queueName: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    this.#assertOpen();
    if (options.delayMs)
      throw new UnsupportedError('NATS has no delayed delivery; send without a delay, or later');
    const sentAt = new Date(this.#context.clock.now());
    const headers = writeHeaders(queueName, {
      headers: options.headers ?? {},
      facts: sentFacts(options, options.messageId ?? randomUUID(), sentAt),
    });
    const limit = (this.#link.largestMessageBytes ?? defaultLargestBytes) - copyRoomBytes;
    // So that a retry and a dead letter, which have some headers more, can be written too.
    if (body.byteLength + sizeOf(headers) > limit) throw tooLarge(queueName, limit);
    await this.#publisher.publish({ queueName, subject: messageSubject(queueName), body, headers });
  }

  async consumeMessages(
    queueName: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions,
  ): Promise<Consumer> {
    this.#assertOpen();
    const consumer = new NatsConsumer({
      ...options,
      link: this.#link,
      context: this.#context,
      queues: this.#queues,
      publisher: this.#publisher,
      queueName,
      onDelivery,
    });
    this.#consumers.add(consumer);
    await consumer.start();
    return consumer;
  }

  /**
   * NATS has one number for messages that wait for a retry and messages in flight. Those in flight on this connection are
   * taken off; those in flight at other hosts are counted.
   */
  async countMessages(queueName: string): Promise<number> {
    this.#assertOpen();
    const before = this.#inFlight(queueName);
    const { stream, consumer } = await this.#queues.find(queueName);
    if (!consumer) return stream?.state.messages ?? 0;
    const inFlight = Math.max(before, this.#inFlight(queueName));
    return consumer.num_pending + Math.max(0, consumer.num_ack_pending - inFlight);
  }

  async claimOccurrence(scheduleName: string, occurrence: Date): Promise<boolean> {
    this.#assertOpen();
    return await this.#claims.claim(scheduleName, occurrence);
  }

  /** Messages in flight are among them: the stream keeps them until they are settled. */
  async browseMessages(queueName: string, limit: number): Promise<readonly MessageFacts[]> {
    this.#assertOpen();
    const stream = await this.#queues.info(queueName);
    return stream ? await browse(this.#link.require(), stream, limit) : [];
  }

  async inspectQueue(queueName: string, { deadLetterQueueName }: QueueNeeds): Promise<readonly string[]> {
    this.#assertOpen();
    const { stream, consumer } = await this.#queues.inspect(queueName);
    const deadLetters = await this.#queues.inspectDeadLetters(deadLetterQueueName);
    const missing = await findMissingRights(this.#link.require(), {
      queueName,
      deadLetterQueueName,
      hasStream: stream !== undefined,
      hasDeadLetterStream: deadLetters !== undefined,
      consumer,
    });
    if (missing.length > 0) throw new BrokerRefusedError(missing.join('; '));
    return stream ? limitsOf(queueName, stream, consumer) : [];
  }

  async close(): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    await this.#link.close();
  }

  #assertOpen(): void {
    if (!this.#link.isOpen || this.#closed) throw new NotConnectedError(this.address);
  }

  #inFlight(queueName: string): number {
    const sizes = [...this.#consumers].map((consumer) =>
      consumer.queueName === queueName ? consumer.size : 0,
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}

function writeHeaders(queueName: string, wire: Wire): MsgHdrs {
  try {
    return encodeWire(wire);
  } catch (error) {
    throw new UnwritableError(queueName, error);
  }
}
