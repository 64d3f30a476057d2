// The open connection and its known queues, shared by the consumers and the publisher of one adapter.
import type { RecoveringChannelModel } from 'amqplib';
import type { AdapterContext } from '../adapter.ts';
import { KnownQueues } from '../known-queue.ts';
import type { RabbitMqOptions } from './endpoint.ts';
import { Publisher } from './publisher.ts';
import { ensureQueue, queueForms, type QueueForms } from './queue.ts';
import { queueRefusal } from './refusal.ts';

/** The open connection, and the settings and context of the adapter. */
export interface BrokerOptions {
  readonly connection: RecoveringChannelModel;
  readonly settings: RabbitMqOptions;
  /** For display, without the password. */
  readonly address: string;
  readonly context: AdapterContext;
}

/** A RabbitMQ broker for as long as the adapter is open, while amqplib may lose and recover the connection below. */
export class Broker {
  readonly connection: RecoveringChannelModel;
  readonly settings: RabbitMqOptions;
  readonly address: string;
  readonly context: AdapterContext;
  readonly publisher: Publisher;
  readonly #known = new KnownQueues<void>();
  #isBlocked = false;

  constructor({ connection, settings, address, context }: BrokerOptions) {
    this.connection = connection;
    this.settings = settings;
    this.address = address;
    this.context = context;
    const { clock, emit } = context;
    this.publisher = new Publisher({ connection, clock, isBlocked: () => this.#isBlocked });
    connection.on('disconnect', () => (this.#isBlocked = false));
    connection.on('blocked', (reason) => {
      this.#isBlocked = true;
      emit({ kind: 'broker-blocked', broker: address, error: new Error(reason) });
    });
    connection.on('unblocked', () => {
      this.#isBlocked = false;
      emit({ kind: 'broker-unblocked', broker: address });
    });
  }

  /**
   * Creates the queue if it is missing; asks the broker every time.
   *
   * @throws BrokerRefusedError the user lacks the permission, or the broker refuses such a queue
   */
  async ensureQueue(
    queueName: string,
    forms: QueueForms = queueForms(this.settings.queueType),
  ): Promise<void> {
    try {
      const isNew = await ensureQueue(this.connection, queueName, forms);
      if (isNew) this.context.emit({ kind: 'queue-created', queue: queueName });
    } catch (error) {
      throw queueRefusal(error, queueName, this.address) ?? error;
    }
  }

  /** As `ensureQueue`, but asks the broker only the first time. */
  async ensureKnown(queueName: string, forms?: QueueForms): Promise<void> {
    await this.#known.ask(queueName, () => this.ensureQueue(queueName, forms));
  }

  /** Makes the next `ensureKnown` ask the broker again: the queue turned out to be missing. */
  forget(queueName: string): void {
    this.#known.forget(queueName);
  }
}
