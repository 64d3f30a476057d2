// One confirm channel: a promise per message, which resolves once the broker has the message.
import { randomUUID } from 'node:crypto';
import {
  IllegalOperationError,
  type ConfirmChannel,
  type Message,
  type Options,
  type RecoveringChannelModel,
} from 'amqplib';
import type { Clock } from '../../clock.ts';
import { MessageRefusedError, SendError, toError, UnroutableError, UnwritableError } from '../../errors.ts';
import type { Headers } from '../message.ts';
import { close, watchChannel } from './channel.ts';
import { headersSize } from './field-table.ts';
import { replyCodeOf } from './refusal.ts';

/** How long the broker may take to confirm a message, in milliseconds; does not run while it blocks publishers. */
const confirmTimeoutMs = 30_000;

/** The bytes of a message's properties besides its headers, at most: eight texts, numbers, and the frame's own. */
const otherPropertiesBytes = 2_200;

/** A message to one queue. */
export interface Publication {
  readonly queueName: string;
  readonly body: Uint8Array;
  readonly properties: Options.Publish;
}

/** The connection to publish on. */
export interface ConfirmsOptions {
  readonly connection: RecoveringChannelModel;
  readonly clock: Clock;
  /** Whether the broker accepts no messages for now. */
  readonly isBlocked: () => boolean;
}

/**
 * The broker has closed the channel because of one of its messages. It does not say which: all that were unconfirmed
 * are suspects.
 */
export class ChannelRefusedError extends SendError {
  /** How many messages were unconfirmed. */
  readonly suspects: number;

  constructor(queueName: string, suspects: number, cause: Error) {
    super(queueName, notConfirmed(queueName, cause), { cause });
    this.suspects = suspects;
  }
}

/** amqplib's channel, as far as it is read here. It is private: the version is pinned, and a test guards it. */
interface WithFrameMax {
  readonly connection: { readonly frameMax: number };
}

/** Unconfirmed messages with one id to one queue: a return names only these two, while a confirm names one message. */
interface Sending {
  count: number;
  returned: boolean;
}

/** A confirm channel, from open to close. */
export class Confirms {
  readonly #options: ConfirmsOptions;
  readonly #channel: ConfirmChannel;
  readonly #sending = new Map<string, Sending>();
  readonly #closed: Promise<Error>;
  #unconfirmed = 0;
  #writable: Promise<void> | undefined;
  /** Why the broker closed the channel, and how many messages were unconfirmed then. */
  #end: { readonly error: Error; readonly suspects: number } | undefined;

  private constructor(channel: ConfirmChannel, options: ConfirmsOptions) {
    this.#options = options;
    this.#channel = channel;
    channel.on('return', (message) => this.#noteReturn(message));
    // Emitted before amqplib fails the unconfirmed messages.
    channel.on('error', (error) => (this.#end = { error, suspects: this.#unconfirmed }));
    this.#closed = watchChannel(channel);
  }

  static async open(options: ConfirmsOptions): Promise<Confirms> {
    return new Confirms(await options.connection.createConfirmChannel(), options);
  }

  /** Resolves with the reason when the channel is gone. */
  get closed(): Promise<Error> {
    return this.#closed;
  }

  /**
   * Sends one message to a queue, mandatory. Resolves when the broker has confirmed it.
   *
   * @throws UnroutableError there is no such queue
   * @throws MessageRefusedError it cannot be written, or its queue refuses it
   * @throws ChannelRefusedError the broker refused one of the unconfirmed messages
   * @throws SendError the broker has not confirmed it, but may still have it
   */
  async publish(publication: Publication): Promise<void> {
    await this.#writable;
    const properties = { messageId: randomUUID(), ...publication.properties };
    await this.#confirmed({ ...publication, properties }, properties.messageId);
  }

  async close(): Promise<void> {
    await close(this.#channel);
  }

  #confirmed(publication: Publication, messageId: string): Promise<void> {
    const { queueName } = publication;
    const key = sendingKey(queueName, messageId);
    return new Promise((resolve, reject) => {
      let open = true;
      const settle = (error: unknown) => {
        if (!open) return;
        open = false;
        cancelTimeout();
        const returned = this.#finish(key);
        if (error) reject(this.#sendError(queueName, error));
        else if (returned) reject(new UnroutableError(queueName));
        else resolve();
      };
      this.#write(publication, settle);
      this.#begin(key);
      const cancelTimeout = this.#timeout(() =>
        settle(new Error(`the broker took more than ${confirmTimeoutMs / 1000} s`)),
      );
    });
  }

  /** Throws if nothing was sent. */
  #write({ queueName, body, properties }: Publication, onConfirm: (error: unknown) => void): void {
    try {
      this.#checkRoom(properties);
      const content = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      const isFull = !this.#channel.sendToQueue(
        queueName,
        content,
        { ...properties, mandatory: true },
        onConfirm,
      );
      if (isFull) this.#holdUntilDrained();
    } catch (error) {
      // The channel had closed before, so this message is no suspect.
      if (error instanceof IllegalOperationError) {
        throw new SendError(queueName, notConfirmed(queueName, error), { cause: error });
      }
      throw new UnwritableError(queueName, error);
    }
  }

  /** Headers must fit into one frame: the broker closes the connection over a larger one. */
  #checkRoom(properties: Options.Publish): void {
    const { connection } = this.#channel as ConfirmChannel & WithFrameMax;
    const room = connection.frameMax - otherPropertiesBytes;
    const bytes = headersSize(properties.headers as Headers | undefined);
    if (bytes > room) throw new RangeError(`headers of ${bytes} bytes, where a frame has room for ${room}`);
  }

  /** Makes further messages wait until the channel's buffer has room again, or the channel is gone. */
  #holdUntilDrained(): void {
    this.#writable ??= new Promise<void>((resolve) => {
      this.#channel.once('drain', resolve);
      this.#channel.once('close', resolve);
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
    this.#unconfirmed++;
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
  #finish(key: string): boolean {
    this.#unconfirmed--;
    const sending = this.#sending.get(key);
    if (!sending) return false;
    if (--sending.count === 0) this.#sending.delete(key);
    return sending.returned;
  }

  #sendError(queueName: string, thrown: unknown): SendError {
    const cause = toError(thrown);
    if (cause.message === 'message nacked') return queueFull(queueName, cause);
    const { error = cause, suspects = 0 } = this.#end ?? {};
    if (replyCodeOf(error) !== undefined) return new ChannelRefusedError(queueName, suspects, error);
    return new SendError(queueName, notConfirmed(queueName, error), { cause: error });
  }
}

/** RabbitMQ documentation, "Queue Length Limit" and "Publisher confirms": the two causes of a negative confirm. */
function queueFull(queueName: string, cause: Error): MessageRefusedError {
  return new MessageRefusedError(
    queueName,
    `queue "${queueName}" refuses messages: it is full (max-length with overflow reject-publish), or its node failed`,
    { canShrink: false, cause },
  );
}

function notConfirmed(queueName: string, { message }: Error): string {
  return `RabbitMQ has not confirmed a message to queue "${queueName}": ${message}`;
}

function sendingKey(queueName: string, messageId: string): string {
  return `${queueName}\n${messageId}`;
}
