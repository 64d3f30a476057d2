// The queues on the server, streams and their consumers: creates missing ones, and leaves existing ones as they are.
import { nanos, millis } from '@nats-io/transport-node';
import {
  AckPolicy,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type ConsumerInfo,
  type StreamInfo,
} from '@nats-io/jetstream';
import { BrokerRefusedError } from '../../errors.ts';
import type { AdapterContext } from '../adapter.ts';
import { KnownQueues } from '../known-queue.ts';
import { isMissingConsumer, isMissingStream, queueRefusal } from './failure.ts';
import type { Link } from './link.ts';
import { consumerName, streamName, subjectsOf } from './name.ts';
import type { NatsOptions } from './options.ts';
import { consumerRefusal, deadLetterRefusal, streamRefusal } from './stream-kind.ts';

/** The consumer that all hosts of a queue share. */
export interface QueueConsumer {
  readonly stream: string;
  readonly name: string;
  /** How long a delivery is leased at a time. */
  readonly ackWaitMs: number;
}

/** A queue at the server, as far as it exists. */
export interface Found {
  readonly stream: StreamInfo | undefined;
  readonly consumer: ConsumerInfo | undefined;
}

/** The connection, and the settings of queues to create. */
export interface QueuesOptions {
  readonly link: Link;
  readonly settings: NatsOptions;
  readonly context: AdapterContext;
}

/** How many pull requests of all hosts may wait at a consumer; each host has a few. The server's default is 512. */
const mostWaiting = 10_000;

/** The queues of one connection. */
export class Queues {
  readonly #options: QueuesOptions;
  readonly #known = new KnownQueues<StreamInfo>();

  constructor(options: QueuesOptions) {
    this.#options = options;
  }

  /**
   * Creates the queue if it is missing; always asks the server.
   *
   * @throws BrokerRefusedError the user may not, the server refuses such a queue, or an existing stream cannot be one
   */
  async ensure(queueName: string): Promise<StreamInfo> {
    return await this.#refusable(queueName, async () => {
      const info = (await this.info(queueName)) ?? (await this.#create(queueName));
      this.#assertServes(queueName, streamRefusal(queueName, info));
      return info;
    });
  }

  /** As `ensure`, but asks the server only the first time. */
  async ensureKnown(queueName: string): Promise<void> {
    await this.#known.ask(queueName, () => this.ensure(queueName));
  }

  /** Makes the next `ensureKnown` ask the server again: the queue turned out to be missing. */
  forget(queueName: string): void {
    this.#known.forget(queueName);
  }

  /**
   * Creates the queue and its consumer if they are missing. Throws as `ensure` does, also if the queue of dead letters exists
   * and cannot be one.
   */
  async ensureConsumer(queueName: string, deadLetterQueueName: string): Promise<QueueConsumer> {
    await this.inspectDeadLetters(deadLetterQueueName);
    return await this.#refusable(queueName, async () => {
      const stream = await this.ensure(queueName);
      const existing = await this.#consumerInfo(stream);
      this.#assertServes(queueName, consumerRefusal(stream, existing));
      const info = existing ?? (await this.#createConsumer(stream));
      return { stream: info.stream_name, name: info.name, ackWaitMs: millis(info.config.ack_wait ?? 0) };
    });
  }

  /** The stream of a queue; undefined if there is none. */
  async info(queueName: string): Promise<StreamInfo | undefined> {
    try {
      return await this.#options.link.require().jsm.streams.info(streamName(queueName));
    } catch (error) {
      if (isMissingStream(error)) return undefined;
      throw error;
    }
  }

  /** The stream of a queue and its consumer, as far as they exist. */
  async find(queueName: string): Promise<Found> {
    const stream = await this.info(queueName);
    return { stream, consumer: stream && (await this.#consumerInfo(stream)) };
  }

  /**
   * As `find`, for a queue that is to be consumed.
   *
   * @throws BrokerRefusedError they cannot serve, or the user may not look at them
   */
  async inspect(queueName: string): Promise<Found> {
    return await this.#refusable(queueName, async () => {
      const { stream, consumer } = await this.find(queueName);
      if (stream)
        this.#assertServes(queueName, streamRefusal(queueName, stream) ?? consumerRefusal(stream, consumer));
      return { stream, consumer };
    });
  }

  /** The stream of dead letters, if it exists. Throws as `inspect` does. */
  async inspectDeadLetters(queueName: string): Promise<StreamInfo | undefined> {
    return await this.#refusable(queueName, async () => {
      const stream = await this.info(queueName);
      if (stream) this.#assertServes(queueName, deadLetterRefusal(queueName, stream));
      return stream;
    });
  }

  #assertServes(queueName: string, refusal: string | undefined): void {
    if (refusal === undefined) return;
    const stream = `stream "${streamName(queueName)}" at ${this.#options.link.address}`;
    throw new BrokerRefusedError(`${stream} cannot serve as a queue: ${refusal}`);
  }

  async #refusable<T>(queueName: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw queueRefusal(error, queueName, this.#options.link.address) ?? error;
    }
  }

  async #create(queueName: string): Promise<StreamInfo> {
    const { link, settings, context } = this.#options;
    const info = await link.require().jsm.streams.add({
      name: streamName(queueName),
      description: `queue ${queueName} of svchost`,
      subjects: subjectsOf(queueName),
      retention: RetentionPolicy.Workqueue,
      storage: StorageType.File,
      // A full queue refuses new messages; it never drops one.
      discard: DiscardPolicy.New,
      num_replicas: settings.replicas,
    });
    context.emit({ kind: 'queue-created', queue: queueName });
    return info;
  }

  async #consumerInfo({ config, created }: StreamInfo): Promise<ConsumerInfo | undefined> {
    try {
      return await this.#options.link.require().jsm.consumers.info(config.name, consumerName(created));
    } catch (error) {
      if (isMissingConsumer(error)) return undefined;
      throw error;
    }
  }

  async #createConsumer({ config, created }: StreamInfo): Promise<ConsumerInfo> {
    const { link, settings } = this.#options;
    return await link.require().jsm.consumers.add(config.name, {
      durable_name: consumerName(created),
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(settings.ackWaitMs),
      // svchost counts attempts; a message beyond a limit here would stay in the stream and never be delivered again.
      max_deliver: -1,
      // Includes messages that wait for a retry, so any limit could stop the queue.
      max_ack_pending: -1,
      max_waiting: mostWaiting,
    });
  }
}
