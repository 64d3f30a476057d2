// One claimed message as the service sees it, and the headers it carries. Owns no write; its consumer settles it.
import { header, type Delivery, type Headers, type Outcome } from '../adapter.ts';
import type { ClaimedMessage } from './store.ts';

/** A delivery of the embedded queue. */
export class SqliteDelivery implements Delivery {
  readonly messageId: string;
  readonly body: Uint8Array;
  readonly attempt: number;
  readonly crashes: number;
  readonly headers: Headers;
  readonly enqueuedAt: Date;
  readonly message: ClaimedMessage;
  readonly #settle: (outcome: Outcome) => Promise<void>;
  #settled: Promise<void> | undefined;

  constructor(
    message: ClaimedMessage,
    settle: (delivery: SqliteDelivery, outcome: Outcome) => Promise<void>,
  ) {
    this.message = message;
    this.messageId = message.messageId;
    this.body = message.body;
    this.attempt = message.attempt;
    this.crashes = message.crashes;
    this.headers = deliveryHeaders(message);
    this.enqueuedAt = new Date(message.enqueuedAt);
    this.#settle = (outcome) => settle(this, outcome);
  }

  /** Whether an outcome has been told; the database may not have it yet. */
  get isSettled(): boolean {
    return this.#settled !== undefined;
  }

  settle(outcome: Outcome): Promise<void> {
    this.#settled ??= this.#settle(outcome);
    return this.#settled;
  }
}

/** From the second attempt on, the headers say what a copy on RabbitMQ would. */
function deliveryHeaders(message: ClaimedMessage): Headers {
  const headers = JSON.parse(message.headers) as Headers;
  if (message.attempt === 1) return headers;
  return { ...headers, [header.attempt]: message.attempt, [header.firstSeen]: isoTime(message.firstSeenAt) };
}

/** The headers of a dead letter: those it was sent with, and why it was given up on. As JSON. */
export function deadLetterHeaders(
  message: ClaimedMessage,
  queueName: string,
  { reason, error }: Extract<Outcome, { kind: 'dead' }>,
): string {
  return JSON.stringify({
    ...(JSON.parse(message.headers) as Headers),
    [header.reason]: reason,
    [header.error]: `${error.name}: ${error.message}`,
    [header.sourceQueue]: queueName,
    [header.attempts]: message.attempt,
    [header.firstSeen]: isoTime(message.firstSeenAt),
    [header.lastSeen]: isoTime(message.claimedAt),
  });
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
