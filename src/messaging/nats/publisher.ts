// Publishes messages; each resolves once the stream has stored it.
import type { MsgHdrs } from '@nats-io/transport-node';
import { MessageRefusedError, SendError, toError, UnroutableError } from '../../errors.ts';
import { isRefusedByStream, isTooLarge, isUnanswered } from './failure.ts';
import type { Link } from './link.ts';
import { streamName } from './name.ts';
import type { Queues } from './stream.ts';

/** A message to publish, and its subject. */
export interface Publication {
  readonly queueName: string;
  readonly subject: string;
  readonly body: Uint8Array;
  readonly headers: MsgHdrs;
  /** The server ignores a second message with this id for two minutes. */
  readonly dedupeId?: string;
}

/**
 * The message with its headers is too large for the server. Nothing was sent.
 *
 * @param limit in bytes; undefined if it is unknown
 */
export function tooLarge(queueName: string, limit: number | undefined, cause?: unknown): MessageRefusedError {
  return new MessageRefusedError(
    queueName,
    `a message to queue "${queueName}" is larger than NATS accepts: ${limit ?? 'max_payload'} bytes with its headers; ` +
      'send less, or raise max_payload of the server',
    { code: 'UNWRITABLE', canShrink: true, cause },
  );
}

/** The publisher of one connection. */
export class Publisher {
  readonly #link: Link;
  readonly #queues: Queues;

  constructor(link: Link, queues: Queues) {
    this.#link = link;
    this.#queues = queues;
  }

  /**
   * Resolves when the server has stored the message.
   *
   * @throws UnroutableError there is no such queue
   * @throws MessageRefusedError the message is too large for the server, or its stream refuses it
   * @throws SendError the server has not confirmed it, but may still have it
   */
  async publish(publication: Publication): Promise<void> {
    const { queueName, subject, body, headers, dedupeId } = publication;
    try {
      await this.#link.require().js.publish(subject, body, {
        headers,
        expect: { streamName: streamName(queueName) },
        ...(dedupeId !== undefined && { msgID: dedupeId }),
      });
    } catch (cause) {
      throw await this.#describe(cause, queueName);
    }
  }

  async #describe(cause: unknown, queueName: string): Promise<SendError> {
    if (isTooLarge(cause)) return tooLarge(queueName, this.#link.largestMessageBytes, cause);
    const failure = isUnanswered(cause) ? await this.#findOut(cause, queueName) : toError(cause);
    if (failure === undefined) return new UnroutableError(queueName);
    const text = `NATS has not confirmed a message to queue "${queueName}": ${failure.message}`;
    if (isRefusedByStream(cause)) return new MessageRefusedError(queueName, text, { canShrink: true, cause });
    return new SendError(queueName, text, { cause });
  }

  /** The reason why no stream took the message; undefined if there is no queue. */
  async #findOut(cause: unknown, queueName: string): Promise<Error | undefined> {
    try {
      return (await this.#queues.info(queueName)) && toError(cause);
    } catch (error) {
      return toError(error);
    }
  }
}
