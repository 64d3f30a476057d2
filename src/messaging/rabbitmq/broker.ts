// What consumers and publishers of one connection share: the open connection, its queues as far as they are known.
import type { Options, RecoveringChannelModel } from 'amqplib';
import type { AdapterContext } from '../adapter.ts';
import type { RabbitMqOptions } from './endpoint.ts';
import { Publisher } from './publisher.ts';
import { ensureQueue, queueOptions } from './queue.ts';
import { queueRefusal } from './refusal.ts';

/** One connected RabbitMQ, for as long as the adapter is open; the connection below it may come and go. */
export class Broker {
  readonly connection: RecoveringChannelModel;
  readonly options: RabbitMqOptions;
  readonly address: string;
  readonly context: AdapterContext;
  readonly publisher: Publisher;
  /** Queues known to exist, or being made. */
  readonly #known = new Map<string, Promise<void>>();
  #blocked = false;

  constructor(
    connection: RecoveringChannelModel,
    options: RabbitMqOptions,
    address: string,
    context: AdapterContext,
  ) {
    this.connection = connection;
    this.options = options;
    this.address = address;
    this.context = context;
    this.publisher = new Publisher(connection, context.clock, () => this.#blocked);
    connection.on('disconnect', () => (this.#blocked = false));
    connection.on('unblocked', () => this.#setBlocked(false));
    connection.on('blocked', (reason) => this.#setBlocked(true, reason));
  }

  /**
   * Makes the queue where it is missing; asks the broker every time.
   *
   * @throws BrokerRefusedError the user may not, or the broker refuses such a queue
   */
  async ensureQueue(
    queueName: string,
    options: Options.AssertQueue = queueOptions(this.options.queueType),
  ): Promise<void> {
    try {
      const made = await ensureQueue(this.connection, queueName, options);
      if (made) this.context.log.info({ queue: queueName }, 'queue was missing and has been made');
    } catch (error) {
      throw queueRefusal(error, queueName, this.address) ?? error;
    }
  }

  /** As `ensureQueue`, but asks the broker only the first time. */
  async ensureKnown(queueName: string, options?: Options.AssertQueue): Promise<void> {
    const known = this.#known.get(queueName) ?? this.ensureQueue(queueName, options);
    this.#known.set(queueName, known);
    try {
      await known;
    } catch (error) {
      this.forget(queueName);
      throw error;
    }
  }

  /** The queue turned out to be missing. */
  forget(queueName: string): void {
    this.#known.delete(queueName);
  }

  #setBlocked(blocked: boolean, reason?: string): void {
    this.#blocked = blocked;
    const { log } = this.context;
    if (blocked) log.warn({ reason }, 'broker blocks publishers; retries and dead letters wait');
    else log.info('broker takes messages again');
  }
}
