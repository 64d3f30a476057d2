// Burying a message: a copy with the reason in the dead-letter queue, confirmed, before the original may be deleted.
import type { Message } from '@aws-sdk/client-sqs';
import { sleep } from '../../clock.ts';
import { BrokerRefusedError, SendError, toError, UnroutableError } from '../../errors.ts';
import { header, type Headers, type Outcome } from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import { attributeName, attributesSize, encodeHeaders, type Attributes } from './attribute.ts';
import { isMissingQueue } from './failure.ts';
import type { Lease } from './lease.ts';
import { fifoId, type Outgoing } from './outgoing.ts';
import { Patience } from './patience.ts';
import { deadLetterName } from './queue-name.ts';
import type { QueueRegister, Redrive, SqsQueue } from './queue.ts';
import type { Received } from './received.ts';
import type { Senders } from './senders.ts';
import { byteLength, cleanText, largestMessageBytes } from './text.ts';

type Dead = Outcome & { kind: 'dead' };

/** An error's text is kept up to so many characters. */
const longestErrorText = 4_096;

export class Graveyard {
  readonly #register: QueueRegister;
  readonly #senders: Senders;
  readonly #source: string;
  readonly #name: string;
  readonly #patience: Patience;
  #redrive: Redrive | undefined;

  /** @param redrive where SQS itself would put what was received too often; undefined where the queue has no such policy */
  constructor(
    register: QueueRegister,
    senders: Senders,
    source: string,
    deadLetterQueueName: string,
    redrive: Redrive | undefined,
  ) {
    this.#register = register;
    this.#senders = senders;
    this.#source = source;
    this.#name = deadLetterName(deadLetterQueueName, source);
    this.#redrive = redrive;
    this.#patience = new Patience(register.context.clock);
  }

  /**
   * Sends the copy, and tries again what can pass, for as long as the message is ours.
   *
   * @returns whether the copy is safe
   * @throws BrokerRefusedError SQS keeps refusing the queue
   */
  async bury(lease: Lease, received: Received, outcome: Dead): Promise<boolean> {
    const { clock, log } = this.#register.context;
    for (let failures = 1; !lease.isLost; failures++) {
      try {
        const queue = await this.#target();
        await this.#senders.to(queue).send(this.#letter(queue, lease.message, received, outcome));
        this.#patience.renew();
        return true;
      } catch (error) {
        const refusal = refusalIn(error);
        if (!refusal) this.#patience.renew();
        else if (this.#patience.isOver()) throw refusal;
        if (error instanceof UnroutableError) this.#register.forget(error.queueName);
        log.warn(
          { queue: this.#source, messageId: received.messageId, failures, reason: toError(error).message },
          'dead letter not confirmed; trying again',
        );
        await sleep(clock, backoffMs(failures), lease.lost);
      }
    }
    return false;
  }

  async #target(): Promise<SqsQueue> {
    if (!this.#redrive) return await this.#register.ensure(this.#name);
    const { queueName, account } = this.#redrive;
    try {
      return await this.#register.find(queueName, account);
    } catch (error) {
      if (!isMissingQueue(error)) throw error;
      this.#register.context.log.warn(
        { queue: this.#source, target: queueName, instead: this.#name },
        "the redrive policy's queue is missing; dead letters go elsewhere",
      );
      this.#redrive = undefined;
      return await this.#register.ensure(this.#name);
    }
  }

  #letter(queue: SqsQueue, message: Message, received: Received, outcome: Dead): Outgoing {
    const MessageBody = message.Body ?? '';
    const attributes = this.#attributes(MessageBody, message.MessageAttributes, received, outcome);
    return {
      MessageBody,
      ...(Object.keys(attributes).length > 0 && { MessageAttributes: attributes }),
      ...(queue.isFifo && {
        MessageGroupId: received.group ?? fifoId(received.messageId),
        // Buried again because its delete failed, it is the same letter.
        MessageDeduplicationId: `dead-${message.MessageId ?? fifoId(received.messageId)}`,
      }),
    };
  }

  /** What was sent with the message, and why it is dead; less of it where body and attributes are too large together. */
  #attributes(body: string, originals: Attributes = {}, received: Received, outcome: Dead) {
    const own = this.#ownHeaders(received, outcome);
    const { messageId } = received;
    const short = { ...own, [header.error]: cleanText(own[header.error], 100) };
    const room = largestMessageBytes - byteLength(body);
    const candidates = [
      encodeHeaders({ ...received.sentHeaders, ...own }, withoutOurs(originals, own)),
      encodeHeaders(own),
      encodeHeaders(short),
    ];
    const fitting = candidates.findIndex((attributes) => attributesSize(attributes) <= room);
    if (fitting !== 0) {
      this.#register.context.log.warn(
        { queue: this.#source, messageId, headers: fitting < 0 ? short : undefined },
        'no room for all headers of a dead letter; left out',
      );
    }
    return candidates[fitting] ?? {};
  }

  #ownHeaders({ messageId, attempt, firstSeen }: Received, { reason, error }: Dead) {
    const now = new Date(this.#register.context.clock.now());
    return {
      [attributeName.messageId]: messageId,
      [header.reason]: reason,
      [header.error]: cleanText(`${error.name}: ${error.message}`, longestErrorText),
      [header.sourceQueue]: this.#source,
      [header.attempts]: attempt,
      [header.firstSeen]: firstSeen.toISOString(),
      [header.lastSeen]: now.toISOString(),
    } satisfies Headers;
  }
}

/** Attributes that are copied as they came: not those we write anew, and not the packed ones, which are packed anew. */
function withoutOurs(originals: Attributes, own: Headers): Attributes {
  const kept = Object.entries(originals).filter(
    ([name]) => !Object.hasOwn(own, name) && name !== attributeName.headers,
  );
  return Object.fromEntries(kept);
}

function refusalIn(error: unknown): BrokerRefusedError | undefined {
  const cause = error instanceof SendError ? error.cause : error;
  return cause instanceof BrokerRefusedError ? cause : undefined;
}
