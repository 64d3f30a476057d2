// Sends dead letters: SQS must confirm the copy, which gives the reason, before the original may be deleted.
import { sleep } from '../../clock.ts';
import { BrokerRefusedError, SendError, toError, UnroutableError } from '../../errors.ts';
import type { Outcome } from '../adapter.ts';
import type { Headers } from '../message.ts';
import { backoffMs } from '../backoff.ts';
import { deadLetterHeaders, header } from '../dead-letter.ts';
import {
  attributeName,
  attributesSize,
  byteLength,
  cleanText,
  encodeHeaders,
  factHeaders,
  largestMessageBytes,
  type Attributes,
} from './attribute.ts';
import { isMissingQueue } from './failure.ts';
import type { Lease } from './lease.ts';
import { fifoId, type Outgoing } from './outgoing.ts';
import { Patience } from './patience.ts';
import { deadLetterName, type QueueRegister, type Redrive, type Source, type SqsQueue } from './queue.ts';
import type { Received } from './received.ts';
import type { Sender } from './sender.ts';

type Dead = Outcome & { kind: 'dead' };

/** The queue that messages come from, and the one that their dead letters go to. */
export interface DeadLetterOptions {
  readonly source: Source;
  readonly register: QueueRegister;
  readonly sender: Sender;
  /** The queue for dead letters if there is no redrive policy; created when it is first needed. */
  readonly deadLetterQueueName: string;
  /** The queue's redrive policy: dead letters go to its target. */
  readonly redrive: Redrive | undefined;
}

/** Sends the dead letters of one queue. */
export class DeadLetterSender {
  readonly #options: DeadLetterOptions;
  readonly #name: string;
  readonly #patience: Patience;
  #redrive: Redrive | undefined;

  constructor(options: DeadLetterOptions) {
    const { source, deadLetterQueueName, redrive } = options;
    this.#options = options;
    this.#name = deadLetterName(deadLetterQueueName, source.queue.name);
    this.#redrive = redrive;
    this.#patience = new Patience(source.context.clock);
  }

  /**
   * Sends a dead letter, and retries for as long as the lease lasts.
   *
   * @returns whether SQS has the dead letter; false only if the lease was lost first
   * @throws BrokerRefusedError SQS has been refusing for too long
   */
  async deadLetter(lease: Lease, outcome: Dead): Promise<boolean> {
    const { source, sender } = this.#options;
    const { received } = lease;
    const attributes = this.#attributes(received, outcome);
    for (let failures = 1; !lease.isLost; failures++) {
      try {
        const queue = await this.#findTarget();
        await sender.send(queue, copyOf(received, attributes, queue));
        this.#patience.renew();
        return true;
      } catch (error) {
        this.#fail(toError(error), received, failures);
        await sleep(source.context.clock, backoffMs(failures), lease.lost);
      }
    }
    return false;
  }

  /** Throws if SQS has been refusing for too long. */
  #fail(error: Error, { messageId }: Received, failures: number): void {
    const { source, register } = this.#options;
    const refusal = refusalIn(error);
    if (!refusal) this.#patience.renew();
    else if (this.#patience.refused()) throw refusal;
    if (error instanceof UnroutableError) register.forget(error.queueName);
    source.context.emit({ kind: 'copy-refused', ...this.#route, messageId, failures, error });
  }

  get #route() {
    return { queue: this.#options.source.queue.name, target: this.#redrive?.queueName ?? this.#name };
  }

  async #findTarget(): Promise<SqsQueue> {
    const { source, register } = this.#options;
    if (!this.#redrive) return await register.ensure(this.#name);
    const { queueName, account } = this.#redrive;
    try {
      return await register.find(queueName, account);
    } catch (error) {
      if (!isMissingQueue(error)) throw error;
      source.context.log.warn(
        { ...this.#route, instead: this.#name },
        "the redrive policy's queue is missing; dead letters go elsewhere",
      );
      this.#redrive = undefined;
      return await register.ensure(this.#name);
    }
  }

  /** The sender's headers and the reason; only some of them if the body leaves too little room. */
  #attributes(received: Received, outcome: Dead): Attributes {
    const { context } = this.#options.source;
    const { messageId, text } = received;
    const forms = formsOf(received, this.#ownHeaders(received, outcome));
    const room = largestMessageBytes - byteLength(text);
    const fitting = forms.findIndex((attributes) => attributesSize(attributes) <= room);
    if (fitting !== 0) {
      const lost = fitting < 0 ? `; also lost: ${outcome.reason}, ${outcome.error.name}` : '';
      const error = new Error(`the body leaves ${Math.max(0, room)} bytes for headers${lost}`);
      context.emit({ kind: 'copy-reduced', ...this.#route, messageId, error });
    }
    return forms[fitting] ?? {};
  }

  #ownHeaders(received: Received, { reason, error }: Dead): Headers {
    const { queue, context } = this.#options.source;
    return deadLetterHeaders(received, {
      queueName: queue.name,
      reason,
      error: { name: cleanText(error.name), message: cleanText(error.message) },
      at: new Date(context.clock.now()),
    });
  }
}

/** The attributes of a dead letter in several forms, each smaller than the one before. */
function formsOf(received: Received, ownHeaders: Headers): Attributes[] {
  const own = { ...factHeaders(received), ...ownHeaders };
  const reduced = { ...own, [header.headersDropped]: true };
  // A cut between the two halves of a character would leave text that SQS forbids.
  const shortError = cleanText(String(own[header.error]).slice(0, 100));
  return [
    encodeHeaders({ ...received.sentHeaders, ...own }, foreignAttributes(received.attributes, own)),
    encodeHeaders(reduced),
    encodeHeaders({ ...reduced, [header.error]: shortError }),
  ];
}

/** Attributes to copy unchanged: all but those that svchost writes itself, and the packed ones. */
function foreignAttributes(attributes: Attributes, own: Headers): Attributes {
  const kept = Object.entries(attributes).filter(
    ([name]) => !Object.hasOwn(own, name) && name !== attributeName.headers,
  );
  return Object.fromEntries(kept);
}

function copyOf(received: Received, attributes: Attributes, queue: SqsQueue): Outgoing {
  const { text, group, messageId, sqsMessageId } = received;
  return {
    MessageBody: text,
    ...(Object.keys(attributes).length > 0 && { MessageAttributes: attributes }),
    ...(queue.isFifo && {
      MessageGroupId: group ?? fifoId(messageId),
      // If the original's delete fails and the letter is sent again, SQS drops the duplicate.
      MessageDeduplicationId: `dead-${sqsMessageId === '' ? fifoId(messageId) : sqsMessageId}`,
    }),
  };
}

function refusalIn(error: Error): BrokerRefusedError | undefined {
  const cause = error instanceof SendError ? error.cause : error;
  return cause instanceof BrokerRefusedError ? cause : undefined;
}
