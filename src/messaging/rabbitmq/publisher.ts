// Publishes on a confirm channel of its own: one promise per message, which resolves once the broker has the message.
import { randomUUID } from 'node:crypto';
import {
  IllegalOperationError,
  type ConfirmChannel,
  type Message,
  type Options,
  type RecoveringChannelModel,
} from 'amqplib';
import type { Clock } from '../../clock.ts';
import { SendError, toError, UnroutableError } from '../../errors.ts';
import { watchChannel } from './channel.ts';

/** How long the broker may take to confirm a message, in milliseconds; does not run while it blocks publishers. */
const confirmTimeoutMs = 30_000;

/**
 * amqplib cannot write the headers or properties of a message: too long, or numbers out of range, as another client may
 * have sent them. Nothing was sent, and a retry would fail as well.
 */
export class UnwritableError extends SendError {
  constructor(queueName: string, cause: unknown) {
    const { message } = toError(cause);
    super(
      queueName,
      `headers or properties of a message to queue "${queueName}" cannot be written: ${message}`,
      {
        code: 'UNWRITABLE',
        cause,
      },
    );
  }
}

/** Unconfirmed messages with one id to one queue: a return names only these two, while a confirm names one message. */
interface Sending {
  count: number;
  returned: boolean;
}

/** The connection to publish on. */
export interface PublisherOptions {
  readonly connection: RecoveringChannelModel;
  readonly clock: Clock;
  /** Whether the broker accepts no messages for now. */
  readonly isBlocked: () => boolean;
}

/** The confirm channel of one connection: opened when first needed, and again after a loss. */
export class Publisher {
  readonly #options: PublisherOptions;
  #channel: Promise<ConfirmChannel> | undefined;
  #ended: Error | undefined;
  #writable: Promise<void> | undefined;
  readonly #sending = new Map<string, Sending>();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /**
   * Sends one message to a queue, persistent and mandatory. Resolves when the broker has confirmed it.
   *
   * @throws UnroutableError there is no such queue
   * @throws SendError the broker has not confirmed it, but may still have it
   * @throws UnwritableError its headers or properties cannot be written; nothing was sent
   */
  async publish(queueName: string, body: Uint8Array, properties: Options.Publish): Promise<void> {
    await this.#writable;
    const channel = await this.#open(queueName);
    await this.#confirmed(channel, queueName, body, { messageId: randomUUID(), ...properties });
  }

  async #open(queueName: string): Promise<ConfirmChannel> {
    this.#channel ??= this.#openChannel();
    try {
      return await this.#channel;
    } catch (cause) {
      this.#channel = undefined;
      throw new SendError(
        queueName,
        `cannot open a channel to send to queue "${queueName}": ${toError(cause).message}`,
        { cause },
      );
    }
  }

  async #openChannel(): Promise<ConfirmChannel> {
    const channel = await this.#options.connection.createConfirmChannel();
    this.#ended = undefined;
    channel.on('error', (error) => (this.#ended = error));
    channel.on('return', (message) => this.#noteReturn(message));
    void watchChannel(channel).then(() => {
      this.#channel = undefined;
      this.#sending.clear();
    });
    return channel;
  }

  #confirmed(
    channel: ConfirmChannel,
    queueName: string,
    body: Uint8Array,
    properties: Options.Publish & { messageId: string },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const key = sendingKey(queueName, properties.messageId);
      let open = true;
      const settle = (error: unknown) => {
        if (!open) return;
        open = false;
        cancelTimeout();
        const returned = this.#end(key);
        if (error) reject(this.#sendError(queueName, error));
        else if (returned) reject(new UnroutableError(queueName));
        else resolve();
      };
      if (!this.#write(channel, queueName, body, properties, settle)) this.#holdUntilDrained(channel);
      this.#begin(key);
      const cancelTimeout = this.#timeout(() =>
        settle(new Error(`the broker took more than ${confirmTimeoutMs / 1000} s`)),
      );
    });
  }

  /** Returns false if the channel's buffer is full; throws if nothing was sent. */
  #write(
    channel: ConfirmChannel,
    queueName: string,
    body: Uint8Array,
    properties: Options.Publish,
    onConfirm: (error: unknown) => void,
  ): boolean {
    try {
      const content = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      return channel.sendToQueue(queueName, content, { ...properties, mandatory: true }, onConfirm);
    } catch (error) {
      if (error instanceof IllegalOperationError) throw this.#sendError(queueName, error);
      throw new UnwritableError(queueName, error);
    }
  }

  /** Makes further messages wait until the channel's buffer has room again, or the channel is gone. */
  #holdUntilDrained(channel: ConfirmChannel): void {
    this.#writable ??= new Promise<void>((resolve) => {
      channel.once('drain', resolve);
      channel.once('close', resolve);
    }).then(() => (this.#writable = undefined));
  }

  /** Calls `expire` after the confirm timeout, which starts again while the broker blocks publishers. */
  #timeout(expire: () => void): () => void {
    const { clock, isBlocked } = this.#options;
    let cancel = clock.after(confirmTimeoutMs, check);
    function check(): void {
      if (isBlocked()) cancel = clock.after(confirmTimeoutMs, check);
      else expire();
    }
    return () => cancel();
  }

  #begin(key: string): void {
    const sending = this.#sending.get(key);
    if (sending) sending.count++;
    else this.#sending.set(key, { count: 1, returned: false });
  }

  /**
   * The broker sends a return before the confirm of the same message (RabbitMQ documentation, "Publisher confirms").
   */
  #noteReturn({ fields, properties }: Message): void {
    const sending = this.#sending.get(sendingKey(fields.routingKey, String(properties.messageId)));
    if (sending) sending.returned = true;
  }

  /**
   * Ends one sending; returns whether the message was returned. Of two unconfirmed ones with the same id, both count as
   * returned: a duplicate is better than a loss.
   */
  #end(key: string): boolean {
    const sending = this.#sending.get(key);
    if (!sending) return false;
    if (--sending.count === 0) this.#sending.delete(key);
    return sending.returned;
  }

  #sendError(queueName: string, cause: unknown): SendError {
    const { message } = this.#ended ?? toError(cause);
    return new SendError(
      queueName,
      `RabbitMQ has not confirmed a message to queue "${queueName}": ${message}`,
      {
        cause: this.#ended ?? cause,
      },
    );
  }
}

function sendingKey(queueName: string, messageId: string): string {
  return `${queueName}\n${messageId}`;
}
