// One delivery of SQS as the service sees it. Owns no call: its consumer settles it.
import type { Delivery, Headers, Outcome } from '../adapter.ts';
import type { Lease } from './lease.ts';
import { deliveryHeaders, readBody, type Received } from './received.ts';

export class SqsDelivery implements Delivery {
  readonly messageId: string;
  readonly body: Uint8Array;
  readonly attempt: number;
  /** SQS counts hosts that died among the attempts. */
  readonly attemptCountsHandOuts = true;
  readonly crashes = 0;
  readonly headers: Headers;
  readonly enqueuedAt: Date | undefined;
  readonly lost: AbortSignal;
  readonly #settle: (outcome: Outcome) => Promise<void>;
  #settled: Promise<void> | undefined;

  constructor(
    lease: Lease,
    received: Received,
    unwrapSns: boolean,
    settle: (outcome: Outcome) => Promise<void>,
  ) {
    this.messageId = received.messageId;
    this.body = readBody(lease.message.Body ?? '', unwrapSns);
    this.attempt = received.attempt;
    this.headers = deliveryHeaders(received);
    this.enqueuedAt = received.enqueuedAt;
    this.lost = lease.lost;
    this.#settle = settle;
  }

  settle(outcome: Outcome): Promise<void> {
    this.#settled ??= this.#settle(outcome);
    return this.#settled;
  }
}
