// Renews the leases of held messages, in batches, until each has its outcome. A lease that cannot be renewed is lost.
import { toError } from '../../errors.ts';
import { inBatches } from './batch.ts';
import type { Lease } from './lease.ts';
import type { Source } from './queue.ts';

/** How long SQS may take to answer a renewal, in milliseconds; shorter for short leases. */
const renewalTimeoutMs = 10_000;

/** Why a lease was lost. */
const notRenewed = 'it could not be renewed in time';
const atItsEnd = 'SQS leaves a message with one receiver for 12 hours at most';

/** Keeps the leases of one consumer. */
export class LeaseKeeper {
  readonly #source: Source;
  readonly #leases = new Set<Lease>();
  #cancel: (() => void) | undefined;
  #nextAt = Infinity;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Renews the lease from now on. */
  keep(lease: Lease): void {
    this.#leases.add(lease);
    if (lease.actAt(this.#now()) < this.#nextAt) this.#arm();
  }

  /** Stops renewing the lease. Resolves when no renewal is under way, which could undo the next visibility change. */
  async stopRenewing(lease: Lease): Promise<void> {
    this.#leases.delete(lease);
    if (this.#leases.size === 0) this.#disarm();
    await lease.renewal;
  }

  /** Gives up the lease: another consumer has the message by now, or will get it. */
  lose(lease: Lease, why: string): void {
    this.#leases.delete(lease);
    if (lease.isLost) return;
    const { queue, context } = this.#source;
    const { messageId } = lease.received;
    context.emit({ kind: 'lease-lost', queue: queue.name, messageId, error: lease.lose(why) });
  }

  /** Stops all renewals. */
  stop(): void {
    this.#leases.clear();
    this.#disarm();
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#nextAt = Infinity;
  }

  #arm(): void {
    this.#disarm();
    const now = this.#now();
    for (const lease of this.#leases) this.#nextAt = Math.min(this.#nextAt, lease.actAt(now));
    if (this.#nextAt === Infinity) return;
    const delayMs = Math.max(0, this.#nextAt - now);
    this.#cancel = this.#source.context.clock.after(delayMs, () => this.#act());
  }

  #act(): void {
    const now = this.#now();
    for (const lease of this.#leases) {
      if (lease.hasExpired(now)) this.lose(lease, lease.isAtItsEnd(now) ? atItsEnd : notRenewed);
    }
    for (const batch of inBatches([...this.#leases].filter((lease) => lease.isDue(now)))) {
      void this.#renew(batch);
    }
    this.#arm();
  }

  async #renew(leases: readonly Lease[]): Promise<void> {
    const renewal = this.#call(leases);
    for (const lease of leases) lease.renewWith(renewal);
    await renewal;
    this.#arm();
  }

  /** Never rejects. */
  async #call(leases: readonly Lease[]): Promise<void> {
    const { api, queue, context, timing } = this.#source;
    const startedAt = this.#now();
    const { visibilityTimeoutS: wantedS } = timing();
    const changes = leases.map((lease) => ({
      receiptHandle: lease.received.receiptHandle,
      visibilityTimeoutS: lease.ask(startedAt, wantedS),
    }));
    // Short enough to leave time for another try.
    const timeoutMs = Math.min(renewalTimeoutMs, ...leases.map((lease) => lease.timeoutMs / 4));
    try {
      const failed = await api.changeVisibilityBatch(queue, changes, timeoutMs);
      for (const [index, lease] of leases.entries()) {
        // It may have been deleted meanwhile.
        if (!this.#leases.has(lease)) continue;
        const failure = failed.get(index);
        if (failure?.isFinal) this.lose(lease, failure.error.message);
        else if (failure) lease.renewLater(this.#now());
        else lease.extend(startedAt, changes[index]?.visibilityTimeoutS ?? 0, wantedS);
      }
    } catch (error) {
      const facts = { queue: queue.name, leases: leases.length, error: toError(error) };
      context.emit({ kind: 'lease-renewal-failed', ...facts });
      for (const lease of leases) lease.renewLater(this.#now());
    }
  }

  #now(): number {
    return this.#source.context.clock.elapsed();
  }
}
