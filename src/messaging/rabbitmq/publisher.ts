// Publishes on one channel for all. A refusal closes that channel without naming the message, so each message that was
// unconfirmed is then published once more, alone on a channel of its own: the refusal belongs to one of them.
import type { Options } from 'amqplib';
import { MessageRefusedError, SendError, toError } from '../../errors.ts';
import { ChannelRefusedError, Confirms, type ConfirmsOptions, type Publication } from './confirms.ts';
import { replyCode, replyCodeOf } from './refusal.ts';

/** The publisher of one connection: its channel is opened when first needed, and again after a loss. */
export class Publisher {
  readonly #options: ConfirmsOptions;
  #shared: Promise<Confirms> | undefined;
  /** The suspects, one after the other. */
  #alone: Promise<unknown> = Promise.resolve();

  constructor(options: ConfirmsOptions) {
    this.#options = options;
  }

  /**
   * Sends one message to a queue, mandatory. Resolves when the broker has confirmed it.
   *
   * @throws UnroutableError there is no such queue
   * @throws MessageRefusedError the message cannot be written, or the broker refuses it
   * @throws ChannelRefusedError the broker refuses to let us publish; `cause` has the reply code
   * @throws SendError the broker has not confirmed it, but may still have it
   */
  async publish(queueName: string, body: Uint8Array, properties: Options.Publish): Promise<void> {
    const publication = { queueName, body, properties };
    const confirms = await this.#open(queueName);
    try {
      await confirms.publish(publication);
    } catch (error) {
      if (!(error instanceof ChannelRefusedError)) throw error;
      if (error.suspects === 1) throw judged(error);
      await this.#publishAlone(publication);
    }
  }

  async #open(queueName: string): Promise<Confirms> {
    this.#shared ??= this.#openShared();
    try {
      return await this.#shared;
    } catch (cause) {
      this.#shared = undefined;
      throw cannotOpen(queueName, cause);
    }
  }

  async #openShared(): Promise<Confirms> {
    const confirms = await Confirms.open(this.#options);
    void confirms.closed.then(() => (this.#shared = undefined));
    return confirms;
  }

  async #publishAlone(publication: Publication): Promise<void> {
    const turn = this.#alone.then(() => this.#try(publication));
    this.#alone = turn.catch(() => undefined);
    await turn;
  }

  async #try(publication: Publication): Promise<void> {
    const confirms = await Confirms.open(this.#options).catch((cause: unknown) => {
      throw cannotOpen(publication.queueName, cause);
    });
    try {
      await confirms.publish(publication);
    } catch (error) {
      throw error instanceof ChannelRefusedError ? judged(error) : error;
    } finally {
      void confirms.close();
    }
  }
}

/** The error of a message that was alone on its channel when the broker closed it. */
function judged(error: ChannelRefusedError): SendError {
  const { queueName, message, cause } = error;
  if (replyCodeOf(cause) !== replyCode.preconditionFailed) return error;
  return new MessageRefusedError(queueName, message, { canShrink: true, cause });
}

function cannotOpen(queueName: string, cause: unknown): SendError {
  return new SendError(
    queueName,
    `cannot open a channel to send to queue "${queueName}": ${toError(cause).message}`,
    { cause },
  );
}
