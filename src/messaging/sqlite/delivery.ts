// One claimed message as the service sees it. Its consumer records the outcome.
import type { Delivery, Outcome } from '../adapter.ts';
import type { Headers } from '../message.ts';
import {
  attemptHeaders,
  deadLetterHeaders,
  sentHeaders,
  type History,
  type Verdict,
} from '../dead-letter.ts';
import { readHeaders } from './headers.ts';
import type { ClaimedMessage } from './store.ts';

/** A delivery of the embedded queue. */
export class SqliteDelivery implements Delivery {
  readonly messageId: string;
  readonly body: Uint8Array;
  readonly attempt: number;
  readonly crashes: number;
  readonly enqueuedAt: Date;
  readonly message: ClaimedMessage;
  readonly #settle: (delivery: SqliteDelivery, outcome: Outcome) => Promise<boolean>;
  #headers: Headers | undefined;
  #settled: Promise<boolean> | undefined;
  /** Created on first use, or when the lease is lost. */
  #lost: AbortController | undefined;

  constructor(
    message: ClaimedMessage,
    settle: (delivery: SqliteDelivery, outcome: Outcome) => Promise<boolean>,
  ) {
    this.message = message;
    this.messageId = message.messageId;
    this.body = message.body;
    this.attempt = message.attempt;
    this.crashes = message.crashes;
    this.enqueuedAt = new Date(message.enqueuedAt);
    this.#settle = settle;
  }

  /** Made when they are read: most processors never use them. */
  get headers(): Headers {
    this.#headers ??= { ...sentHeadersOf(this.message), ...attemptHeaders(historyOf(this.message)) };
    return this.#headers;
  }

  get redelivered(): boolean {
    return this.message.deliveries > 1;
  }

  get replyTo(): string | undefined {
    return this.message.replyTo ?? undefined;
  }

  get correlationId(): string | undefined {
    return this.message.correlationId ?? undefined;
  }

  get lost(): AbortSignal {
    this.#lost ??= new AbortController();
    return this.#lost.signal;
  }

  /** Whether `settle` was called; the database may not have the outcome yet. */
  get isSettled(): boolean {
    return this.#settled !== undefined;
  }

  settle(outcome: Outcome): Promise<boolean> {
    this.#settled ??= this.#settle(this, outcome);
    return this.#settled;
  }

  /** Aborts `lost`: another consumer has the message. */
  lose(reason: Error): void {
    this.#lost ??= new AbortController();
    this.#lost.abort(reason);
  }
}

/** The headers of a dead letter, as JSON: the sender's, and those that give the reason. */
export function deadLetterJson(message: ClaimedMessage, verdict: Verdict): string {
  return JSON.stringify({ ...sentHeadersOf(message), ...deadLetterHeaders(historyOf(message), verdict) });
}

function sentHeadersOf({ headers }: ClaimedMessage): Headers {
  return sentHeaders(readHeaders(headers));
}

function historyOf({ attempt, firstSeenAt }: ClaimedMessage): History {
  return { attempt, firstSeen: new Date(firstSeenAt) };
}
