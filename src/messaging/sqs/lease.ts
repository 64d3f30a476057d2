// One received message and its lease: until when it is ours, when to renew it, and whether it is lost. Makes no call.
import { longestLeaseMs } from './options.ts';
import type { Received } from './received.ts';

/**
 * A failed renewal is retried after this part of the timeout; a renewal that is due that soon joins the current batch.
 */
const soonPart = 0.1;

/** A message, and how it was received. */
export interface LeaseOptions {
  readonly received: Received;
  /** When the poll began, or shortly before the message arrived. By `Clock.elapsed`, like all instants here. */
  readonly startedAt: number;
  readonly timeoutMs: number;
}

/** A received message, for as long as it is ours. */
export class Lease {
  readonly received: Received;
  /** The earliest moment at which SQS may have delivered the message: its 12 hours may count from here. */
  readonly #startedAt: number;
  readonly #lost = new AbortController();
  #timeoutMs: number;
  #expiresAt: number;
  /** Infinity: never again. */
  #renewAt: number;
  #renewal: Promise<void> | undefined;

  constructor({ received, startedAt, timeoutMs }: LeaseOptions) {
    this.received = received;
    this.#startedAt = startedAt;
    this.#timeoutMs = timeoutMs;
    this.#expiresAt = startedAt + timeoutMs;
    this.#renewAt = renewalTime(startedAt, timeoutMs);
  }

  /** Aborted when SQS may have given the message to another consumer. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get isLost(): boolean {
    return this.#lost.signal.aborted;
  }

  /** How long SQS was last asked to lease the message, in milliseconds. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** The renewal that is under way; it never rejects. */
  get renewal(): Promise<void> | undefined {
    return this.#renewal;
  }

  /** Whether another consumer may have the message by now. */
  hasExpired(now: number): boolean {
    return this.#expiresAt <= now;
  }

  /** When the keeper must act: renew the lease, or find that it has expired. */
  actAt(now: number): number {
    const isRenewable = this.#renewal === undefined && !this.isAtItsEnd(now);
    return isRenewable ? Math.min(this.#renewAt, this.#expiresAt) : this.#expiresAt;
  }

  /** Whether to renew the lease now: it is due, or will be so soon that it joins the batch, at no extra cost. */
  isDue(now: number): boolean {
    if (this.#renewal !== undefined || this.isAtItsEnd(now)) return false;
    return this.#renewAt <= now + this.#timeoutMs * soonPart;
  }

  /** Whether SQS would not extend the lease any more. */
  isAtItsEnd(now: number): boolean {
    return this.#renewAt === Infinity || this.longestS(now) === 0;
  }

  /** How long the message can still be kept, in whole seconds: SQS allows 12 hours in all, and refuses more. */
  longestS(now: number): number {
    return Math.max(0, Math.floor((this.#startedAt + longestLeaseMs - 1_000 - now) / 1000));
  }

  /** Notes that a renewal is under way; no other begins before it has ended. */
  renewWith(renewal: Promise<void>): void {
    this.#renewal = renewal;
    void renewal.finally(() => (this.#renewal = undefined));
  }

  /**
   * Notes that SQS is about to be asked for more time.
   *
   * @returns the time to ask for, in seconds
   */
  ask(now: number, wantedS: number): number {
    const askedS = Math.min(wantedS, this.longestS(now));
    // SQS may apply the new timeout even if its answer is lost, so a shortened one counts at once.
    this.#expiresAt = Math.min(this.#expiresAt, now + askedS * 1000);
    this.#timeoutMs = Math.min(this.#timeoutMs, wantedS * 1000);
    return askedS;
  }

  /**
   * Notes that SQS has granted the time asked for at `askedAt`. If that was less than wanted, SQS will grant no more.
   */
  extend(askedAt: number, askedS: number, wantedS: number): void {
    this.#timeoutMs = askedS * 1000;
    this.#expiresAt = askedAt + this.#timeoutMs;
    this.#renewAt = askedS < wantedS ? Infinity : renewalTime(askedAt, this.#timeoutMs);
  }

  /** Notes that a renewal has failed: the next one follows soon. */
  renewLater(now: number): void {
    this.#renewAt = now + this.#timeoutMs * soonPart;
  }

  /** Ends the lease for us; returns the reason that `lost` is aborted with. */
  lose(why: string): Error {
    const reason = new Error(`the lease of the message is lost: ${why}`);
    this.#renewAt = Infinity;
    this.#lost.abort(reason);
    return reason;
  }
}

/** Half of the timeout or a little earlier, at random, so that a fleet does not renew its leases at one instant. */
function renewalTime(from: number, timeoutMs: number): number {
  return from + timeoutMs * (0.4 + 0.1 * Math.random());
}
