// RabbitMqConnection: the adapter for RabbitMQ on amqplib.
//
//   receive   consumer -> session (a channel) -> delivery         settle   delivery -> session -> acks
//   copies    delivery -> handover -> broker, queue, copy -> publisher         send   publisher
import { connect, type RecoveringChannelModel } from 'amqplib';
import { within } from '../../clock.ts';
import { BrokerRefusedError, NotConnectedError, UnsupportedError } from '../../errors.ts';
import type {
  AdapterContext,
  Consumer,
  ConsumeOptions,
  Delivery,
  MessageAdapter,
  SendOptions,
} from '../adapter.ts';
import { describeThrown } from '../../thrown.ts';
import { backoffMs } from '../backoff.ts';
import type { Capabilities, Claiming, CrashJournal, Inspectable, QueueNeeds } from '../capability.ts';
import { Patience } from '../patience.ts';
import { LossStreak } from '../streak.ts';
import { Broker } from './broker.ts';
import { readCloseReason, type Login } from './close-reason.ts';
import { acceptUndecodable } from './content-header.ts';
import { RabbitMqConsumer } from './consumer.ts';
import { noteEnd, noteStart } from './crash-journal.ts';
import { describeAddress, Endpoint, socketOptions, type RabbitMqOptions } from './endpoint.ts';
import { claimOccurrence } from './occurrence.ts';
import { countReady, waitQueueName } from './queue.ts';
import { inspectQueue } from './queue-kind.ts';
import { connectionRefusal, isClosedAtOpen } from './refusal.ts';
import { findMissingRights } from './rights.ts';

export type { RabbitMqOptions } from './endpoint.ts';

/** How long the broker may take to answer a close, in milliseconds; a frozen one never answers. */
const closeTimeoutMs = 5_000;

/** A connection to RabbitMQ; several hosts are tried in turn. */
export class RabbitMqConnection implements MessageAdapter, Claiming, CrashJournal, Inspectable {
  readonly capabilities: Capabilities;
  readonly address: string;
  readonly #settings: RabbitMqOptions;
  readonly #context: AdapterContext;
  readonly #consumers = new Set<RabbitMqConsumer>();
  readonly #streak = new LossStreak();
  readonly #patience: Patience;
  #connection: RecoveringChannelModel | undefined;
  #broker: Broker | undefined;
  #isClosed = false;

  constructor(settings: RabbitMqOptions, context: AdapterContext) {
    this.#settings = settings;
    this.#context = context;
    this.address = describeAddress(settings);
    this.#patience = new Patience(context.clock, context.refusalPatienceMs ?? 0);
    this.capabilities = {
      delayedSend: false,
      // Only quorum queues count deliveries.
      countsCrashes: settings.queueType === 'quorum',
      countsEveryDelivery: false,
      ordered: true,
      binaryBodies: true,
      largestBodyBytes: undefined,
      // amqplib assigns headers to a plain object, on which this name sets the prototype.
      protoHeader: false,
      listsMessages: false,
      claimsOccurrences: true,
      inspectsQueues: true,
      journalsCrashes: true,
      paidByTheCall: false,
    };
  }

  async connect(): Promise<void> {
    if (this.#connection) return;
    const endpoint = new Endpoint(this.#settings);
    const connection = await connect(endpoint.address, {
      ...socketOptions(this.#context.connectionName),
      recovery: {
        // amqplib counts failed attempts to connect only: a connection that is lost each time would be back at once.
        calculateDelay: (attempt) => backoffMs(Math.max(attempt, this.#streak.losses)),
        // Not awaited here, so that the listeners are attached before the first attempt.
        waitForConnect: false,
      },
    });
    this.#connection = connection;
    if (this.#isClosed) await this.close();
    const refused = this.#watch(connection, endpoint);
    await Promise.race([connection.waitForConnect(), refused]);
    this.#broker = new Broker({
      connection,
      settings: this.#settings,
      address: this.address,
      context: this.#context,
    });
  }

  async ensureQueue(queueName: string): Promise<void> {
    await this.#connected().ensureQueue(queueName);
  }

  async sendMessage(queueName: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    const { delayMs, headers, messageId, replyTo, correlationId } = options;
    const { publisher } = this.#connected();
    if (delayMs)
      throw new UnsupportedError(
        'RabbitMQ does not support delayed delivery; send without a delay, or later',
      );
    await publisher.publish(queueName, body, {
      persistent: true,
      contentType: 'application/json',
      // In seconds, by AMQP 0-9-1.
      timestamp: Math.floor(this.#context.clock.now() / 1000),
      ...(messageId !== undefined && { messageId }),
      ...(replyTo !== undefined && { replyTo }),
      ...(correlationId !== undefined && { correlationId }),
      ...(headers && { headers: { ...headers } }),
    });
  }

  async consumeMessages(
    queueName: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions,
  ): Promise<Consumer> {
    const broker = this.#connected();
    const consumer = new RabbitMqConsumer({ ...options, broker, queueName, onDelivery });
    this.#consumers.add(consumer);
    // Before it is consumed: a stream, or an auto-delete queue, would be served in part only.
    for (const limit of await inspectQueue(broker.connection, queueName)) this.#context.log.warn(limit);
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

  async inspectQueue(queueName: string, needs: QueueNeeds): Promise<readonly string[]> {
    const { connection } = this.#connected();
    const { deadLetterQueueName, retryDelaysMs } = needs;
    const limits = await inspectQueue(connection, queueName);
    const missing = await findMissingRights(connection, queueName, deadLetterQueueName, retryDelaysMs);
    if (missing.length > 0) throw new BrokerRefusedError(missing.join('; '));
    return limits;
  }

  async noteStart(queueName: string, identity: string): Promise<number> {
    return await noteStart(this.#connected(), queueName, identity);
  }

  async noteEnd(queueName: string, identity: string): Promise<void> {
    await noteEnd(this.#connected(), queueName, identity);
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
    if (!this.#broker) throw new NotConnectedError(this.address);
    return this.#broker;
  }

  /**
   * Emits the connection's events, and moves on to the next host after each failure. Rejects if the first connection is
   * refused permanently; a later refusal may come from a broker that is still starting, so it is retried.
   */
  #watch(connection: RecoveringChannelModel, endpoint: Endpoint): Promise<never> {
    const { clock, emit, log } = this.#context;
    let isReconnect = false;
    // `disconnect` follows, which is reported. Without this listener the process would end.
    connection.on('error', () => undefined);
    // A bug in one of svchost's listeners; without this one, amqplib would close the connection.
    connection.on('handler-error', (thrown: unknown) =>
      log.error({ error: describeThrown(thrown) }, 'listener failed'),
    );
    connection.on('connect', (model) => {
      acceptUndecodable(model);
      this.#streak.opened(clock.elapsed());
      emit({ kind: 'broker-connected', broker: endpoint.host, isReconnect });
      isReconnect = true;
    });
    connection.on('disconnect', (error) => {
      const failures = this.#streak.lost(clock.elapsed());
      emit({ kind: 'broker-lost', broker: endpoint.host, failures, error });
    });
    return new Promise((_resolve, reject) => {
      connection.on('connect-failed', (error) => {
        const { host: broker } = endpoint;
        const login = endpoint.login;
        endpoint.next();
        void this.#explain(error, login).then(({ reason, refusal }) => {
          emit({ kind: 'broker-connect-failed', broker, error: refusal ?? reason });
          if (!refusal || isReconnect || !this.#patience.refused()) return;
          reject(refusal);
          void connection.close();
        });
      });
    });
  }

  /** Why an attempt to connect failed, and whether that is permanent. */
  async #explain(error: Error, login: Login): Promise<{ reason: Error; refusal?: BrokerRefusedError }> {
    const reason = isClosedAtOpen(error) ? await readCloseReason(login) : undefined;
    const refusal = connectionRefusal(error, this.address, reason);
    if (!refusal) this.#patience.renew();
    return { reason: reason ? new Error(reason.text) : error, ...(refusal && { refusal }) };
  }
}
