// A subscription that outlives its channels: amqplib recovers only the connection, so channel and consumer are
// recovered here.
import type { ConsumeMessage } from 'amqplib';
import { sleep, within } from '../../clock.ts';
import { BrokerRefusedError, toError } from '../../errors.ts';
import type { Consumer, ConsumeOptions, Delivery } from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import { LossStreak } from '../streak.ts';
import type { Broker } from './broker.ts';
import { RabbitMqDelivery, type Source } from './delivery.ts';
import { queueRefusal } from './refusal.ts';
import { Session } from './session.ts';

/** How long the broker may take to answer a cancel or a close, in milliseconds. */
const goodbyeMs = 5_000;

/** The queue to consume, and its broker. */
export interface RabbitMqConsumerOptions extends ConsumeOptions {
  readonly broker: Broker;
  readonly queueName: string;
  readonly onDelivery: (delivery: Delivery) => void;
}

/** Consumes one queue, on a new channel whenever one is lost. */
export class RabbitMqConsumer implements Consumer {
  readonly #options: RabbitMqConsumerOptions;
  readonly #draining = new AbortController();
  /** Aborted when nothing arrives any more: what is requeued earlier would come back. */
  readonly #drained = new AbortController();
  #session: Session | undefined;
  /** Messages that cannot be moved: unacknowledged, but beside the concurrency. */
  #held = 0;
  /** The prefetch of the current subscription. */
  #prefetch = 0;
  #widening: Promise<void> | undefined;
  #consumerTag: string | undefined;

  constructor(options: RabbitMqConsumerOptions) {
    this.#options = options;
  }

  /** Resolves when the first delivery can arrive; rejects with a BrokerRefusedError if it never will. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#supervise(resolve).then(resolve, (error: unknown) => {
        reject(toError(error));
        this.#options.onFailure(toError(error));
      });
    });
  }

  async drain(): Promise<void> {
    this.#draining.abort();
    await this.#unsubscribe();
    await this.#widening;
    this.#drained.abort();
  }

  async stop(): Promise<void> {
    await this.drain();
    const { clock } = this.#options.broker.context;
    if (this.#session) await within(clock, goodbyeMs, this.#session.close());
  }

  /** Opens a new session whenever one ends, until drained; throws if retrying cannot help. */
  async #supervise(onOpen: () => void): Promise<void> {
    const { broker, queueName: queue } = this.#options;
    const { clock, emit } = broker.context;
    const streak = new LossStreak();
    while (!this.#isDraining()) {
      streak.opened(clock.elapsed());
      const error = await this.#runSession(onOpen);
      if (error instanceof BrokerRefusedError) throw error;
      if (this.#isDraining()) return;
      const failures = streak.lost(clock.elapsed());
      emit({ kind: 'consumer-lost', queue, failures, error });
      await sleep(clock, backoffMs(failures), this.#draining.signal);
    }
  }

  /** Consumes on a new channel until it closes; returns the reason. */
  async #runSession(onOpen: () => void): Promise<Error> {
    const { broker, queueName } = this.#options;
    try {
      const session = new Session(await broker.connection.createChannel());
      this.#session = session;
      this.#held = 0;
      await broker.ensureQueue(queueName);
      await this.#subscribe(session);
      // Drained before anything was delivered: there is nothing left to do on this channel.
      if (this.#isDraining()) await session.close();
      onOpen();
      return await session.ended;
    } catch (error) {
      await this.#session?.close();
      return queueRefusal(error, queueName, broker.address) ?? toError(error);
    }
  }

  async #subscribe(session: Session): Promise<void> {
    const { queueName, concurrency } = this.#options;
    this.#prefetch = concurrency + this.#held;
    await session.channel.prefetch(this.#prefetch);
    const source = this.#sourceOf(session);
    const { consumerTag } = await session.channel.consume(queueName, (message) => {
      if (message) this.#receive(source, message);
      else void this.#cancelled(session);
    });
    this.#consumerTag = consumerTag;
    if (this.#isDraining()) await this.#unsubscribe();
  }

  /** Changes the number of held messages. Those of an earlier channel have ended with it. */
  #onPlace(session: Session, isFree: boolean): void {
    if (session !== this.#session) return;
    this.#held += isFree ? 1 : -1;
    this.#widening ??= this.#widen(session).finally(() => (this.#widening = undefined));
  }

  /**
   * Makes room for others beside the held messages: the broker gives a prefetch to new subscriptions only, so this one is
   * replaced by another on the same channel. It is made narrower only once nothing is held any more.
   */
  async #widen(session: Session): Promise<void> {
    try {
      while (this.#needsOther() && !this.#isDraining() && !session.signal.aborted) {
        await this.#unsubscribe();
        await this.#subscribe(session);
      }
    } catch (error) {
      await session.close(toError(error));
    }
  }

  #needsOther(): boolean {
    const wanted = this.#options.concurrency + this.#held;
    return wanted > this.#prefetch || (this.#held === 0 && wanted < this.#prefetch);
  }

  /**
   * The broker has cancelled the consumer: its queue was deleted, or its leader moved. The channel is still open, but
   * is closed too: if the queue is created again, RabbitMQ would apply acks for the old queue's deliveries to the new
   * one's.
   */
  async #cancelled(session: Session): Promise<void> {
    this.#consumerTag = undefined;
    await session.close(new Error('the broker cancelled the consumer'));
  }

  #isDraining(): boolean {
    return this.#draining.signal.aborted;
  }

  /** Delivers a message, even one that arrives between a cancel and its answer: the service then requeues it. */
  #receive(source: Source, message: ConsumeMessage): void {
    source.session.delivered(message);
    this.#options.onDelivery(new RabbitMqDelivery(message, source));
  }

  #sourceOf(session: Session): Source {
    const { broker, queueName, deadLetterQueueName, maxAttempts = Infinity } = this.#options;
    return {
      broker,
      session,
      queueName,
      deadLetterQueueName,
      maxAttempts,
      drained: this.#drained.signal,
      onPlace: (isFree) => this.#onPlace(session, isFree),
    };
  }

  async #unsubscribe(): Promise<void> {
    const session = this.#session;
    const consumerTag = this.#consumerTag;
    if (!session || consumerTag === undefined || session.signal.aborted) return;
    this.#consumerTag = undefined;
    try {
      await within(this.#options.broker.context.clock, goodbyeMs, session.channel.cancel(consumerTag));
    } catch {
      // The channel has closed, which ends the subscription as well.
    }
  }
}
