// A subscription that outlives its channels. amqplib's recovery heals the connection only; channel and consumer are ours.
import type { ConsumeMessage } from 'amqplib';
import { sleep, within } from '../../clock.ts';
import { BrokerRefusedError, toError } from '../../errors.ts';
import type { Consumer, ConsumeOptions, Delivery } from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import type { Broker } from './broker.ts';
import { RabbitMqDelivery } from './delivery.ts';
import { queueRefusal } from './refusal.ts';
import { Session } from './session.ts';

/** A session that lived this long, in milliseconds, was no failure: the next one is opened at once. */
const steadyMs = 10_000;

/** How long the broker may take to answer a cancel or a close, in milliseconds. */
const goodbyeMs = 5_000;

export class RabbitMqConsumer implements Consumer {
  readonly #broker: Broker;
  readonly #queueName: string;
  readonly #onDelivery: (delivery: Delivery) => void;
  readonly #options: ConsumeOptions;
  readonly #draining = new AbortController();
  #session: Session | undefined;
  #consumerTag: string | undefined;

  constructor(
    broker: Broker,
    queueName: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions,
  ) {
    this.#broker = broker;
    this.#queueName = queueName;
    this.#onDelivery = onDelivery;
    this.#options = options;
  }

  /** Resolves when the first delivery can arrive; rejects with a BrokerRefusedError where it never will. */
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
  }

  async stop(): Promise<void> {
    await this.drain();
    if (this.#session) await within(this.#broker.context.clock, goodbyeMs, this.#session.close());
  }

  /** Opens one session after the other until drained; throws where no further one can work. */
  async #supervise(onOpen: () => void): Promise<void> {
    const { clock, log } = this.#broker.context;
    const queue = this.#queueName;
    for (let failures = 0; !this.#isDraining();) {
      const startedAt = clock.now();
      const reason = await this.#runSession(onOpen);
      if (reason instanceof BrokerRefusedError) throw reason;
      if (this.#isDraining()) return;
      failures = clock.now() - startedAt < steadyMs ? failures + 1 : 1;
      log.warn({ queue, failures, reason: reason.message }, 'consumer lost; consuming again');
      await sleep(clock, backoffMs(failures), this.#draining.signal);
    }
  }

  /** Consumes on a channel of its own until that ends; returns why. */
  async #runSession(onOpen: () => void): Promise<Error> {
    try {
      const session = new Session(await this.#broker.connection.createChannel());
      this.#session = session;
      await session.channel.prefetch(this.#options.concurrency);
      await this.#subscribe(session);
      // Drained meanwhile, so that nothing has been taken in: there is nothing left to do on this channel.
      if (this.#isDraining()) await session.close();
      onOpen();
      return await session.ended;
    } catch (error) {
      await this.#session?.close();
      return queueRefusal(error, this.#queueName, this.#broker.address) ?? toError(error);
    }
  }

  async #subscribe(session: Session): Promise<void> {
    await this.#broker.ensureQueue(this.#queueName);
    const { consumerTag } = await session.channel.consume(this.#queueName, (message) => {
      if (message) this.#receive(session, message);
      else void this.#cancelled(session);
    });
    this.#consumerTag = consumerTag;
    if (this.#isDraining()) await this.#unsubscribe();
  }

  /**
   * The broker has cancelled the consumer: its queue was deleted, or its leader moved. The channel is given up with it,
   * though it is open: RabbitMQ takes acks of a deleted queue's deliveries for those of its namesake made since.
   */
  async #cancelled(session: Session): Promise<void> {
    this.#consumerTag = undefined;
    this.#broker.context.log.warn({ queue: this.#queueName }, 'consumer cancelled by the broker');
    await session.close();
  }

  #isDraining(): boolean {
    return this.#draining.signal.aborted;
  }

  /** Takes a message in. amqplib closes the channel when this throws, so nothing may escape. */
  #receive(session: Session, message: ConsumeMessage): void {
    session.delivered(message);
    // Messages may arrive between a cancel and its answer: they go back, unstarted.
    if (this.#isDraining()) return session.requeue(message);
    const { deadLetterQueueName } = this.#options;
    const source = { broker: this.#broker, session, queueName: this.#queueName, deadLetterQueueName };
    try {
      this.#onDelivery(new RabbitMqDelivery(message, source));
    } catch (error) {
      this.#broker.context.log.error(
        { queue: this.#queueName, error: toError(error).message },
        'delivery not taken',
      );
      session.requeue(message);
    }
  }

  async #unsubscribe(): Promise<void> {
    const session = this.#session;
    const consumerTag = this.#consumerTag;
    if (!session || consumerTag === undefined || session.signal.aborted) return;
    this.#consumerTag = undefined;
    try {
      await within(this.#broker.context.clock, goodbyeMs, session.channel.cancel(consumerTag));
    } catch {
      // The channel closed meanwhile, which ends the subscription as well.
    }
  }
}
