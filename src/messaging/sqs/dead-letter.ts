// Sends dead letters: SQS must confirm the copy, which gives the reason, before the original may be deleted.
import { BrokerRefusedError, SendError, toError, UnroutableError } from '../../errors.ts';
import type { OnHeld, Outcome } from '../adapter.ts';
import type { Headers } from '../message.ts';
import { deadLetterHeaders, header, leastHeaders } from '../dead-letter.ts';
import { handOver, type HandoverEnd } from '../handover.ts';
import { Patience } from '../patience.ts';
import { attributeName, cleanText, encodeHeaders, factHeaders, type Attributes } from './attribute.ts';
import type { Lease } from './lease.ts';
import { patienceMs } from './options.ts';
import { fifoId, type Outgoing } from './outgoing.ts';
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
  /** Aborted when the consumer has drained. */
  readonly drained: AbortSignal;
}

/** Tells that a message cannot be moved; see Handover. */
export interface Holding {
  readonly onHeld: OnHeld | undefined;
  readonly onPlace: (isFree: boolean) => void;
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
    this.#patience = new Patience(source.context.clock, patienceMs);
  }

  /**
   * Sends a dead letter, and retries for as long as the lease lasts.
   *
   * @throws BrokerRefusedError SQS has been refusing for too long
   */
  async deadLetter(lease: Lease, outcome: Dead, holding: Holding): Promise<HandoverEnd> {
    const { source, drained } = this.#options;
    const { received } = lease;
    return await handOver(source.context, {
      facts: { ...this.#route, messageId: received.messageId },
      forms: formsOf(received, this.#ownHeaders(received, outcome)),
      send: (attributes) => this.#send(received, attributes),
      lost: lease.lost,
      drained,
      ...holding,
    });
  }

  async #send(received: Received, attributes: Attributes): Promise<void> {
    try {
      const queue = await this.#findTarget();
      await this.#options.sender.send(queue, copyOf(received, attributes, queue));
      this.#patience.renew();
    } catch (thrown) {
      throw this.#failure(toError(thrown));
    }
  }

  /** The failure to go on with: SQS's refusal, once it has lasted for too long. */
  #failure(error: Error): Error {
    const refusal = refusalIn(error);
    if (!refusal) this.#patience.renew();
    else if (this.#patience.refused()) return refusal;
    if (error instanceof UnroutableError) this.#options.register.forget(error.queueName);
    return refusal ? new Error(refusal.message, { cause: refusal }) : error;
  }

  get #route() {
    return { queue: this.#options.source.queue.name, target: this.#redrive?.queueName ?? this.#name };
  }

  async #findTarget(): Promise<SqsQueue> {
    const { source, register } = this.#options;
    if (!this.#redrive) return await register.ensure(this.#name);
    const target = await register.findIfAny(this.#redrive.arn);
    if (target) return target;
    source.context.log.warn(
      { ...this.#route, instead: this.#name },
      "the redrive policy's queue is missing; dead letters go elsewhere",
    );
    this.#redrive = undefined;
    return await register.ensure(this.#name);
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

/**
 * The attributes of a dead letter in several forms, each smaller than the one before: body and attributes share one
 * limit. A body that leaves no room at all goes without any.
 */
function formsOf(received: Received, ownHeaders: Headers): readonly [Attributes, ...Attributes[]] {
  const own = { ...factHeaders(received), ...ownHeaders };
  const reduced = { ...own, [header.headersDropped]: true };
  // A cut between the two halves of a character would leave text that SQS forbids.
  const shortError = cleanText(String(own[header.error]).slice(0, 100));
  return [
    encodeHeaders({ ...received.sentHeaders, ...own }, foreignAttributes(received.attributes, own)),
    encodeHeaders(reduced),
    encodeHeaders({ ...reduced, [header.error]: shortError }),
    encodeHeaders(leastHeaders(own)),
    {},
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
