// One received message and its lease: until when it is ours, and whether it still is. Owns no call.
import type { Message } from '@aws-sdk/client-sqs';
import { longestLeaseMs } from './options.ts';

export class Lease {
  readonly message: Message;
  readonly receiptHandle: string;
  /** The latest moment at which SQS may have begun to count: the message is ours until `expiresAt`, not longer. */
  readonly receivedAt: number;
  readonly #lost = new AbortController();
  /** What it was last asked for, in milliseconds. */
  timeoutMs: number;
  expiresAt: number;
  /** When it is to be renewed; Infinity for never again. */
  renewAt: number;
  /** The renewal that is under way. */
  renewal: Promise<void> | undefined;

  /** @param receivedAt when the poll was begun, or a moment before SQS gave the message out */
  constructor(message: Message, receiptHandle: string, receivedAt: number, visibilityTimeoutMs: number) {
    this.message = message;
    this.receiptHandle = receiptHandle;
    this.receivedAt = receivedAt;
    this.timeoutMs = visibilityTimeoutMs;
    this.expiresAt = receivedAt + visibilityTimeoutMs;
    this.renewAt = renewalTime(receivedAt, visibilityTimeoutMs);
  }

  /** Aborted when SQS may have given the message to somebody else. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get isLost(): boolean {
    return this.#lost.signal.aborted;
  }

  lose(why: string): void {
    this.renewAt = Infinity;
    this.#lost.abort(new Error(`the lease of the message is lost: ${why}`));
  }

  /**
   * SQS is about to be asked for so much more time.
   *
   * @returns what it can be asked for, in seconds
   */
  ask(startedAt: number, visibilityTimeoutS: number): number {
    const askedS = Math.min(visibilityTimeoutS, this.longestS(startedAt));
    // It may count from here on even where its answer is lost: a timeout that was shortened ends sooner.
    this.expiresAt = Math.min(this.expiresAt, startedAt + askedS * 1000);
    this.timeoutMs = Math.min(this.timeoutMs, visibilityTimeoutS * 1000);
    return askedS;
  }

  /** SQS counts anew from about `startedAt`. Where it was asked for less than is wanted, it will give no more. */
  extend(startedAt: number, askedS: number, wantedS: number): void {
    this.timeoutMs = askedS * 1000;
    this.expiresAt = startedAt + this.timeoutMs;
    this.renewAt = askedS < wantedS ? Infinity : renewalTime(startedAt, this.timeoutMs);
  }

  /** Whether SQS would leave the message with us for no longer than it does already. */
  isAtItsEnd(now: number): boolean {
    return this.renewAt === Infinity || this.longestS(now) === 0;
  }

  /** How long the message can still be kept invisible, in whole seconds: SQS allows 12 hours in all, and clamps nothing. */
  longestS(now: number): number {
    return Math.max(0, Math.floor((this.receivedAt + longestLeaseMs - 1_000 - now) / 1000));
  }
}

/** Half of the timeout, or a little before: leases that were taken together are not renewed at one instant by a fleet. */
function renewalTime(from: number, visibilityTimeoutMs: number): number {
  return from + visibilityTimeoutMs * (0.4 + 0.1 * Math.random());
}
