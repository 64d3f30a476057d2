// One delivery of RabbitMQ: its facts, read from properties and headers, and how its outcome is recorded.
import { randomUUID } from 'node:crypto';
import type { ConsumeMessage } from 'amqplib';
import type { Delivery, OnHeld, Outcome } from '../adapter.ts';
import type { Headers } from '../message.ts';
import { attemptHeaders, readHistory, sentHeaders, type History } from '../dead-letter.ts';
import { handOver } from '../handover.ts';
import type { Broker } from './broker.ts';
import { deadLetterCopy, formsOf, retryCopy, type Copy, type Original } from './copy.ts';
import { move, type Target } from './handover.ts';
import { isWaitQueue, waitQueueName, waitQueueForms } from './queue.ts';
import type { Session } from './session.ts';

/** The channel and queue of a delivery, and the queue for its dead letter. */
export interface Source {
  readonly broker: Broker;
  readonly session: Session;
  readonly queueName: string;
  readonly deadLetterQueueName: string;
  readonly maxAttempts: number;
  /** Aborted when the consumer has drained. */
  readonly drained: AbortSignal;
  /** See Handover. */
  readonly onPlace: (isFree: boolean) => void;
}

/**
 * How long a message may be held, in milliseconds: the broker closes the channel of a delivery that is unacknowledged
 * for 30 minutes (RabbitMQ documentation, "Delivery Acknowledgement Timeout").
 */
const longestHoldMs = 25 * 60_000;

/**
 * Timestamps above this are read as milliseconds, though AMQP says seconds: as such they would be past the year 5000.
 */
const latestTimestampS = 1e11;

/** A message on one channel. */
export class RabbitMqDelivery implements Delivery {
  readonly messageId: string;
  readonly headers: Headers;
  readonly attempt: number;
  readonly crashes: number;
  readonly enqueuedAt: Date | undefined;
  readonly replyTo: string | undefined;
  readonly correlationId: string | undefined;
  readonly #message: ConsumeMessage;
  readonly #source: Source;
  readonly #history: History;
  #settled: Promise<boolean> | undefined;

  constructor(message: ConsumeMessage, source: Source) {
    const { properties } = message;
    const headers: Headers = properties.headers ?? {};
    this.#message = message;
    this.#source = source;
    this.#history = historyOf(headers, source);
    this.messageId = nonEmpty(properties.messageId) ?? randomUUID();
    this.attempt = this.#history.attempt;
    // A new object for the processor: changes to it must not get into a copy of the message.
    this.headers = { ...sentHeaders(headers), ...attemptHeaders(this.#history) };
    this.crashes = crashesOf(message, source);
    this.enqueuedAt = timestampDate(properties.timestamp);
    this.replyTo = nonEmpty(properties.replyTo);
    this.correlationId = nonEmpty(properties.correlationId);
  }

  get body(): Uint8Array {
    return this.#message.content;
  }

  get redelivered(): boolean {
    return this.#message.fields.redelivered;
  }

  /** Aborted when the channel closes: the broker then requeues the channel's deliveries. */
  get lost(): AbortSignal {
    return this.#source.session.signal;
  }

  settle(outcome: Outcome, onHeld?: OnHeld): Promise<boolean> {
    this.#settled ??= this.#settle(outcome, onHeld);
    return this.#settled;
  }

  async #settle(outcome: Outcome, onHeld: OnHeld | undefined): Promise<boolean> {
    const { session } = this.#source;
    switch (outcome.kind) {
      case 'done':
        return session.ack(this.#message);
      case 'requeue':
        return session.requeue(this.#message);
      case 'retry':
        return await this.#retry(outcome.delayMs, onHeld);
      case 'dead':
        return await this.#deadLetter(outcome, onHeld);
    }
  }

  async #retry(delayMs: number, onHeld: OnHeld | undefined): Promise<boolean> {
    const { queueName } = this.#source;
    const target = {
      queueName: waitQueueName(queueName, delayMs),
      forms: waitQueueForms(queueName, delayMs),
    };
    return await this.#replaceBy(target, retryCopy(this.#original()), onHeld);
  }

  async #deadLetter(
    { reason, error }: Outcome & { kind: 'dead' },
    onHeld: OnHeld | undefined,
  ): Promise<boolean> {
    const { broker, deadLetterQueueName, queueName } = this.#source;
    const verdict = { queueName, reason, error, at: new Date(broker.context.clock.now()) };
    const copy = deadLetterCopy(this.#original(), verdict);
    return await this.#replaceBy({ queueName: deadLetterQueueName }, copy, onHeld);
  }

  /** Copy first, ack second: a crash in between duplicates the message; in the other order it would lose it. */
  async #replaceBy(target: Target, copy: Copy, onHeld: OnHeld | undefined): Promise<boolean> {
    const { session, broker, queueName, drained, onPlace } = this.#source;
    const end = await handOver(broker.context, {
      facts: { queue: queueName, target: target.queueName, messageId: copy.messageId },
      forms: formsOf(copy),
      send: (properties) => move(broker, target, this.body, properties),
      lost: this.lost,
      drained,
      onHeld,
      onPlace,
      longestHoldMs,
    });
    if (end === 'unmoved') session.requeue(this.#message);
    return end === 'moved' && session.ack(this.#message);
  }

  #original(): Original {
    return { ...this.#history, messageId: this.messageId, properties: this.#message.properties };
  }
}

/**
 * Anyone can write headers, and on some brokers even `x-death`, the broker's own record. If that shows that the message came from one of
 * this queue's wait queues, svchost made the copy, and its headers give the history. All others are at their first
 * attempt.
 */
function historyOf(headers: Headers, { queueName, broker, maxAttempts }: Source): History {
  const known = hasWaited(headers['x-death'], queueName) ? readHistory(headers, maxAttempts) : {};
  return { attempt: 1, firstSeen: new Date(broker.context.clock.now()), ...known };
}

function hasWaited(deaths: unknown, queueName: string): boolean {
  if (!Array.isArray(deaths)) return false;
  return deaths.some((death: unknown) => {
    const queue: unknown = death !== null && typeof death === 'object' && 'queue' in death ? death.queue : '';
    return typeof queue === 'string' && isWaitQueue(queue, queueName);
  });
}

/** Only quorum queues count, and only redeliveries: the header of a first delivery is the sender's. */
function crashesOf({ fields, properties }: ConsumeMessage, { broker }: Source): number {
  if (broker.settings.queueType !== 'quorum' || !fields.redelivered) return 0;
  const headers: Headers = properties.headers ?? {};
  return positiveInteger(headers['x-delivery-count']) ?? 1;
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function positiveInteger(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function timestampDate(value: unknown): Date | undefined {
  if (typeof value !== 'number') return undefined;
  const date = new Date(value > latestTimestampS ? value : value * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
