// The leases of the messages that one consumer holds: renewed while they are held, lost if that fails.
import { toError } from '../../errors.ts';
import type { AdapterContext } from '../adapter.ts';
import type { Link } from './link.ts';
import { requestTimeoutMs } from './options.ts';
import type { Received } from './received.ts';

/** A message, and the time until which it is leased. */
export class Lease {
  readonly received: Received;
  /** When the server may deliver it again, by `Clock.elapsed`. */
  untilMs: number;
  isRenewing = false;
  readonly #end = new AbortController();

  constructor(received: Received, untilMs: number) {
    this.received = received;
    this.untilMs = untilMs;
  }

  /** Aborted when another consumer may have the message. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Ends the lease. */
  lose(error: Error): void {
    this.#end.abort(error);
  }
}

/** The queue, and the connection to renew its leases on. */
export interface LeaseKeeperOptions {
  readonly link: Link;
  readonly context: AdapterContext;
  readonly queueName: string;
}

/** How often the leases are checked within the length of one. */
const looksPerLease = 6;

/** Renews the leases of one consumer when a third of their time is over. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #leases = new Set<Lease>();
  #ackWaitMs = 30_000;
  #cancel: (() => void) | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** How many messages are held. */
  get size(): number {
    return this.#leases.size;
  }

  /** How long a delivery is leased at a time, as the consumer is configured. */
  set ackWaitMs(ackWaitMs: number) {
    this.#ackWaitMs = ackWaitMs;
  }

  /** Leases a message that has just arrived. */
  hold(received: Received): Lease {
    const lease = new Lease(received, this.#options.context.clock.elapsed() + this.#ackWaitMs);
    this.#leases.add(lease);
    this.#watch();
    return lease;
  }

  /** Stops renewing the lease: its outcome is recorded, or it is lost. */
  drop(lease: Lease): void {
    this.#leases.delete(lease);
  }

  /** Gives up the lease, and reports that. */
  lose(lease: Lease, error: Error): void {
    if (lease.signal.aborted) return;
    const { context, queueName: queue } = this.#options;
    lease.lose(error);
    context.emit({ kind: 'lease-lost', queue, messageId: lease.received.messageId, error });
  }

  /** Gives up what is held: nothing is recorded any more, and the server delivers it again in time. */
  end(reason: Error): void {
    this.#cancel?.();
    for (const lease of this.#leases) lease.lose(reason);
    this.#leases.clear();
  }

  /** Whether the lease is still valid. One that has expired is lost, even if no timer could run. */
  isHeld(lease: Lease): boolean {
    if (lease.untilMs <= this.#options.context.clock.elapsed())
      this.lose(lease, new Error(`not renewed within ${this.#ackWaitMs / 1000} s`));
    return !lease.signal.aborted;
  }

  #watch(): void {
    if (this.#cancel || this.#leases.size === 0) return;
    this.#cancel = this.#options.context.clock.after(this.#ackWaitMs / looksPerLease, () => {
      this.#cancel = undefined;
      void this.#look();
      this.#watch();
    });
  }

  async #look(): Promise<void> {
    const { link, context, queueName: queue } = this.#options;
    const soonMs = context.clock.elapsed() + (this.#ackWaitMs * 2) / 3;
    const due = [...this.#leases].filter(
      (lease) => this.isHeld(lease) && !lease.isRenewing && lease.untilMs <= soonMs,
    );
    if (due.length === 0 || !link.current) return;
    const results = await Promise.allSettled(due.map((lease) => this.#renew(lease)));
    const failed = results.filter((result) => result.status === 'rejected');
    const [first] = failed;
    if (first === undefined) return;
    const error = toError(first.reason);
    context.emit({ kind: 'lease-renewal-failed', queue, leases: failed.length, error });
  }

  async #renew(lease: Lease): Promise<void> {
    const { link, context } = this.#options;
    lease.isRenewing = true;
    const sentMs = context.clock.elapsed();
    const timeout = Math.max(100, Math.min(requestTimeoutMs, this.#ackWaitMs / 3));
    try {
      await link.require().nc.request(lease.received.reply, '+WPI', { timeout });
      lease.untilMs = sentMs + this.#ackWaitMs;
    } finally {
      lease.isRenewing = false;
    }
  }
}
