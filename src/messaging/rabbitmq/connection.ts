// RabbitMqConnection: the adapter for RabbitMQ on amqplib. Owns the connection; queues, sends and deliveries are next door.
import { connect, type RecoveringChannelModel } from 'amqplib';
import { within } from '../../clock.ts';
import { SendError, toError, UnsupportedError } from '../../errors.ts';
import type {
  AdapterContext,
  Capabilities,
  Consumer,
  ConsumeOptions,
  Delivery,
  MessageAdapter,
  SendOptions,
} from '../adapter.ts';
import { Broker } from './broker.ts';
import { RabbitMqConsumer } from './consumer.ts';
import { describeAddress, Endpoint, socketOptions, type RabbitMqOptions } from './endpoint.ts';
import { claimOccurrence } from './occurrence.ts';
import { countReady, waitQueueName } from './queue.ts';
import { connectionRefusal } from './refusal.ts';

export type { RabbitMqHost, RabbitMqOptions, RabbitMqQueueType } from './endpoint.ts';

/** How long the broker may take to answer a close, in milliseconds; a frozen one never does. */
const closeTimeoutMs = 5_000;

export class RabbitMqConnection implements MessageAdapter {
  readonly capabilities: Capabilities;
  readonly address: string;
  readonly #options: RabbitMqOptions;
  readonly #context: AdapterContext;
  readonly #consumers = new Set<RabbitMqConsumer>();
  #connection: RecoveringChannelModel | undefined;
  #broker: Broker | undefined;
  #isClosed = false;

  constructor(options: RabbitMqOptions, context: AdapterContext) {
    this.#options = options;
    this.#context = context;
    this.address = describeAddress(options);
    // Only quorum queues count deliveries.
    this.capabilities = { delayedSend: false, countsCrashes: options.queueType === 'quorum' };
  }

  async connect(): Promise<void> {
    if (this.#connection) return;
    const endpoint = new Endpoint(this.#options);
    const connection = await connect(endpoint.address, {
      ...socketOptions(this.#context.connectionName),
      // Not waited for here, so that the listeners are there before the first attempt.
      recovery: { initialDelay: 200, maxDelay: 30_000, waitForConnect: false },
    });
    this.#connection = connection;
    if (this.#isClosed) await this.close();
    const refused = this.#watch(connection, endpoint);
    await Promise.race([connection.waitForConnect(), refused]);
    this.#broker = new Broker(connection, this.#options, this.address, this.#context);
  }

  async ensureQueue(queueName: string): Promise<void> {
    await this.#connected().ensureQueue(queueName);
  }

  async sendMessage(queueName: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    if (options.delayMs) {
      throw new UnsupportedError('RabbitMQ has no delayed delivery; send without a delay, or later');
    }
    if (!this.#broker)
      throw new SendError(queueName, `not sent to queue "${queueName}": the connection is not open`);
    await this.#broker.publisher.publish(queueName, body, {
      persistent: true,
      contentType: 'application/json',
      // AMQP 0-9-1 has seconds here.
      timestamp: Math.floor(this.#context.clock.now() / 1000),
      ...(options.messageId === undefined ? {} : { messageId: options.messageId }),
      ...(options.headers === undefined ? {} : { headers: { ...options.headers } }),
    });
  }

  async consumeMessages(
    queueName: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions,
  ): Promise<Consumer> {
    const consumer = new RabbitMqConsumer(this.#connected(), queueName, onDelivery, options);
    this.#consumers.add(consumer);
    await consumer.start();
    return consumer;
  }

  async countMessages(queueName: string, retryDelaysMs: readonly number[]): Promise<number> {
    const { connection } = this.#connected();
    const names = [queueName, ...retryDelaysMs.map((delayMs) => waitQueueName(queueName, delayMs))];
    const counts = await Promise.all(names.map((name) => countReady(connection, name)));
    return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  }

  async claimOccurrence(scheduleName: string, occurrence: Date): Promise<boolean> {
    return await claimOccurrence(this.#connected(), scheduleName, occurrence);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const connection = this.#connection;
    if (!connection) return;
    this.#connection = undefined;
    this.#broker = undefined;
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    await within(this.#context.clock, closeTimeoutMs, connection.close());
  }

  #connected(): Broker {
    if (!this.#broker) throw new Error('not connected: call connect() first');
    return this.#broker;
  }

  /**
   * Follows the connection's life in the log, and turns to the next host after each failure. Rejects when the first
   * connection is refused for good; a refusal later may be a broker that is starting, and is tried again.
   */
  #watch(connection: RecoveringChannelModel, endpoint: Endpoint): Promise<never> {
    const { log } = this.#context;
    let connectedOnce = false;
    // Reported by what follows it: `disconnect`. Without a listener it would end the process.
    connection.on('error', (error) => log.debug({ error: error.message }, 'connection error'));
    connection.on('handler-error', (error: unknown) =>
      log.error({ error: toError(error).message }, 'listener failed'),
    );
    connection.on('connect', () => {
      log.info({ host: endpoint.host }, connectedOnce ? 'connected again' : 'connected');
      connectedOnce = true;
    });
    connection.on('disconnect', (error) => {
      log.warn({ host: endpoint.host, reason: error.message }, 'connection lost');
    });
    return new Promise((_resolve, reject) => {
      connection.on('connect-failed', (error) => {
        const refusal = connectionRefusal(error, this.address);
        if (refusal && !connectedOnce) {
          reject(refusal);
          void connection.close();
          return;
        }
        log.warn({ host: endpoint.host, reason: (refusal ?? error).message }, 'cannot connect; trying again');
        endpoint.next();
      });
    });
  }
}
