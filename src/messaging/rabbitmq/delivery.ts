// One delivery of RabbitMQ: its facts read from properties and headers, and its outcome told to the broker.
import { randomUUID } from 'node:crypto';
import type { ConsumeMessage, Options } from 'amqplib';
import { header, type Delivery, type Headers, type Outcome } from '../adapter.ts';
import type { Broker } from './broker.ts';
import { deadCopy, retryCopy, type Original } from './copy.ts';
import { handOver, type Target } from './handover.ts';
import { waitQueueName, waitQueueOptions } from './queue.ts';
import type { Session } from './session.ts';

/** Where a delivery came from, and where its copies go. */
export interface Source {
  readonly broker: Broker;
  readonly session: Session;
  readonly queueName: string;
  readonly deadLetterQueueName: string;
}

/** Timestamps above this are milliseconds, though AMQP says seconds: as seconds they would be after the year 5000. */
const latestTimestampS = 1e11;

export class RabbitMqDelivery implements Delivery {
  readonly messageId: string;
  readonly headers: Headers;
  readonly attempt: number;
  readonly crashes: number;
  readonly enqueuedAt: Date | undefined;
  readonly #message: ConsumeMessage;
  readonly #source: Source;
  readonly #firstSeen: string;
  #settled = false;

  constructor(message: ConsumeMessage, source: Source) {
    const { properties } = message;
    this.#message = message;
    this.#source = source;
    this.messageId = nonEmpty(properties.messageId) ?? randomUUID();
    // The processor's own: what it does to them must not show in a copy.
    this.headers = { ...properties.headers };
    this.attempt = positiveInteger(this.headers[header.attempt]) ?? 1;
    // Counted by quorum queues only.
    this.crashes = positiveInteger(this.headers['x-delivery-count']) ?? 0;
    this.enqueuedAt = timestampDate(properties.timestamp);
    this.#firstSeen = firstSeen(this.headers) ?? new Date(source.broker.context.clock.now()).toISOString();
  }

  get body(): Uint8Array {
    return this.#message.content;
  }

  async settle(outcome: Outcome): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    const { session } = this.#source;
    switch (outcome.kind) {
      case 'done':
        session.ack(this.#message);
        break;
      case 'requeue':
        session.requeue(this.#message);
        break;
      case 'retry':
        await this.#retry(outcome.delayMs);
        break;
      case 'dead':
        await this.#bury(outcome);
        break;
    }
  }

  async #retry(delayMs: number): Promise<void> {
    const { broker, queueName } = this.#source;
    const target = {
      queueName: waitQueueName(queueName, delayMs),
      options: waitQueueOptions(queueName, delayMs, broker.options.queueType),
    };
    await this.#replaceBy(target, retryCopy(this.#original()));
  }

  async #bury({ reason, error }: Outcome & { kind: 'dead' }): Promise<void> {
    const { broker, deadLetterQueueName } = this.#source;
    const now = new Date(broker.context.clock.now());
    await this.#replaceBy({ queueName: deadLetterQueueName }, deadCopy(this.#original(), reason, error, now));
  }

  /** Copy first, ack second: in between a crash means the message twice, the other way round not at all. */
  async #replaceBy(target: Target, copy: Options.Publish): Promise<void> {
    const { broker, session } = this.#source;
    const safe = await handOver(broker, target, this.body, copy, session.signal);
    if (safe) session.ack(this.#message);
  }

  #original(): Original {
    return {
      messageId: this.messageId,
      attempt: this.attempt,
      firstSeen: this.#firstSeen,
      queueName: this.#source.queueName,
      properties: this.#message.properties,
    };
  }
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function positiveInteger(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function firstSeen(headers: Headers): string | undefined {
  const value = headers[header.firstSeen];
  return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? value : undefined;
}

function timestampDate(value: unknown): Date | undefined {
  if (typeof value !== 'number') return undefined;
  const date = new Date(value > latestTimestampS ? value : value * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
