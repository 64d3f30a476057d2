// One delivery of NATS: its facts, and how its outcome is recorded.
import { toError } from '../../errors.ts';
import type { AdapterContext, Delivery, OnHeld, Outcome } from '../adapter.ts';
import type { Headers } from '../message.ts';
import { attemptHeaders, sentHeaders, type History } from '../dead-letter.ts';
import { deadLetterCopy, requeueCopy, retryCopy, type Original } from './copy.ts';
import type { Lease } from './lease.ts';
import { copySubject, messageSubject } from './name.ts';
import { storedAt, type Received } from './received.ts';
import type { Settlement } from './settlement.ts';

/** The queue of a delivery, the queue for its dead letter, and the settlement of its outcome. */
export interface Source {
  readonly queueName: string;
  readonly deadLetterQueueName: string;
  readonly context: AdapterContext;
  readonly settlement: Settlement;
  /** See Handover. */
  readonly onPlace: (isFree: boolean) => void;
  /** Called once, when the outcome is recorded or the delivery was lost. */
  readonly onSettled: (lease: Lease) => void;
}

/** A message that is leased. */
export class NatsDelivery implements Delivery {
  readonly messageId: string;
  readonly body: Uint8Array;
  readonly headers: Headers;
  readonly attempt: number;
  readonly crashes: number;
  readonly redelivered: boolean;
  readonly enqueuedAt: Date;
  readonly replyTo: string | undefined;
  readonly correlationId: string | undefined;
  readonly #lease: Lease;
  readonly #source: Source;
  readonly #history: History;
  #settled: Promise<boolean> | undefined;

  constructor(lease: Lease, source: Source) {
    const { received } = lease;
    this.#lease = lease;
    this.#source = source;
    this.#history = { attempt: 1, firstSeen: new Date(source.context.clock.now()), ...received.history };
    this.messageId = received.messageId;
    this.body = received.body;
    this.attempt = this.#history.attempt;
    // A new object for the processor: changes to it must not get into a copy of the message.
    this.headers = { ...sentHeaders(received.headers), ...attemptHeaders(this.#history) };
    this.crashes = received.crashes;
    this.redelivered = received.redelivered;
    this.enqueuedAt = received.facts.sentAt ?? storedAt(received.info);
    this.replyTo = received.facts.replyTo;
    this.correlationId = received.facts.correlationId;
  }

  get lost(): AbortSignal {
    return this.#lease.signal;
  }

  settle(outcome: Outcome, onHeld?: OnHeld): Promise<boolean> {
    this.#settled ??= this.#settle(outcome, onHeld).finally(() => this.#source.onSettled(this.#lease));
    return this.#settled;
  }

  async #settle(outcome: Outcome, onHeld: OnHeld | undefined): Promise<boolean> {
    const { settlement, queueName, deadLetterQueueName, context, onPlace } = this.#source;
    const holding = { onHeld, onPlace };
    switch (outcome.kind) {
      case 'done':
        return await settlement.ack(this.#lease);
      case 'requeue':
        return await this.#requeue();
      case 'retry': {
        const target = { queueName, subject: copySubject(queueName) };
        const copy = retryCopy(this.#original(), outcome.delayMs);
        return await settlement.replace(this.#lease, target, copy, holding);
      }
      case 'dead': {
        const { reason, error } = outcome;
        const verdict = { queueName, reason, error, at: new Date(context.clock.now()) };
        const target = { queueName: deadLetterQueueName, subject: messageSubject(deadLetterQueueName) };
        const copy = deadLetterCopy(this.#original(), verdict);
        return await settlement.replace(this.#lease, target, copy, holding);
      }
    }
  }

  /**
   * Stores a copy, since the server counts a returned delivery like one whose host died. If the server refuses the copy,
   * the message is returned.
   */
  async #requeue(): Promise<boolean> {
    const { settlement, queueName } = this.#source;
    try {
      const [headers] = requeueCopy(this.#original());
      await settlement.copy(this.#lease, { queueName, subject: copySubject(queueName) }, headers);
    } catch (error) {
      this.#source.context.log.debug({ error: toError(error).message }, 'requeued without a copy');
      return await settlement.nak(this.#lease);
    }
    return await settlement.ack(this.#lease);
  }

  #original(): Original {
    const { headers, facts, messageId, crashes, info }: Received = this.#lease.received;
    const sentAt = facts.sentAt ?? storedAt(info);
    return { ...this.#history, headers, facts: { ...facts, messageId, sentAt }, crashes };
  }
}
