// Renews the leases of all that is held, in batches, until it is let go of. A lease that cannot be renewed is lost.
import { toError } from '../../errors.ts';
import type { AdapterContext } from '../adapter.ts';
import { inBatches } from './batch.ts';
import type { SqsApi } from './api.ts';
import { describeFailure } from './failure.ts';
import type { Lease } from './lease.ts';
import type { SqsPace } from './pace.ts';
import type { SqsQueue } from './queue.ts';

/** A renewal that failed is tried again after this part of the timeout. */
const againPart = 0.1;

/** Why a lease was lost. */
const notRenewed = 'it could not be renewed in time';
const atItsEnd = 'SQS leaves a message with one receiver for 12 hours at most';

export class LeaseKeeper {
  readonly #api: SqsApi;
  readonly #context: AdapterContext;
  readonly #queue: () => SqsQueue;
  readonly #pace: () => SqsPace;
  readonly #leases = new Set<Lease>();
  #cancel: (() => void) | undefined;
  #nextAt = Infinity;

  /** @param queue the queue as it is now known: one that was deleted and made again has another URL */
  constructor(api: SqsApi, context: AdapterContext, queue: () => SqsQueue, pace: () => SqsPace) {
    this.#api = api;
    this.#context = context;
    this.#queue = queue;
    this.#pace = pace;
  }

  keep(lease: Lease): void {
    this.#leases.add(lease);
    if (dueAt(lease) < this.#nextAt) this.#arm();
  }

  /** The lease is renewed no more. Resolves when no renewal of it is under way, which would undo what is told next. */
  async release(lease: Lease): Promise<void> {
    this.#leases.delete(lease);
    if (this.#leases.size === 0) this.#disarm();
    await lease.renewal;
  }

  /** The message may be somebody else's by now. */
  lose(lease: Lease, why: string): void {
    this.#leases.delete(lease);
    if (lease.isLost) return;
    this.#context.log.warn(
      { queue: this.#queue().name, sqsMessageId: lease.message.MessageId, reason: why },
      'lease lost; SQS delivers the message again',
    );
    lease.lose(why);
  }

  /** Renews nothing any more. */
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
    for (const lease of this.#leases) this.#nextAt = Math.min(this.#nextAt, dueAt(lease));
    if (this.#nextAt === Infinity) return;
    const delayMs = Math.max(0, this.#nextAt - this.#context.clock.now());
    this.#cancel = this.#context.clock.after(delayMs, () => this.#renewDue());
  }

  /** What is due, and what will be soon: a batch costs no more than one. */
  #renewDue(): void {
    const now = this.#context.clock.now();
    const due: Lease[] = [];
    for (const lease of this.#leases) {
      if (lease.expiresAt <= now) this.lose(lease, lease.isAtItsEnd(now) ? atItsEnd : notRenewed);
      else if (lease.isAtItsEnd(now)) lease.renewAt = Infinity;
      else if (!lease.renewal && lease.renewAt <= now + lease.timeoutMs * againPart) due.push(lease);
    }
    for (const batch of inBatches(due)) {
      const renewal = this.#renew(batch).finally(() => {
        for (const lease of batch) lease.renewal = undefined;
        this.#arm();
      });
      for (const lease of batch) lease.renewal = renewal;
    }
    this.#arm();
  }

  async #renew(leases: readonly Lease[]): Promise<void> {
    const { clock } = this.#context;
    const startedAt = clock.now();
    const { visibilityTimeoutS } = this.#pace();
    const changes = leases.map((lease) => ({
      receiptHandle: lease.receiptHandle,
      visibilityTimeoutS: lease.ask(startedAt, visibilityTimeoutS),
    }));
    try {
      // No longer than leaves time for another try.
      const timeoutMs = Math.min(10_000, ...leases.map((lease) => lease.timeoutMs / 4));
      const failed = await this.#api.changeVisibilityBatch(this.#queue().url, changes, timeoutMs);
      for (const [index, lease] of leases.entries()) {
        // It may have been deleted meanwhile.
        if (!this.#leases.has(lease)) continue;
        const failure = failed.get(index);
        if (failure?.SenderFault) this.lose(lease, failure.Message ?? failure.Code ?? 'SQS refused it');
        else if (failure) this.#tryAgain(lease);
        else lease.extend(startedAt, changes[index]?.visibilityTimeoutS ?? 0, visibilityTimeoutS);
      }
    } catch (error) {
      const place = {
        action: 'ChangeMessageVisibility',
        queueName: this.#queue().name,
        region: this.#api.region,
      };
      this.#context.log.warn(
        { queue: place.queueName, leases: leases.length, reason: describeFailure(toError(error), place) },
        'leases not renewed; trying again',
      );
      for (const lease of leases) this.#tryAgain(lease);
    }
  }

  #tryAgain(lease: Lease): void {
    lease.renewAt = this.#context.clock.now() + lease.timeoutMs * againPart;
  }
}

/** When something is to be done for the lease: renew it, or see that it is lost. */
function dueAt(lease: Lease): number {
  return lease.renewal ? lease.expiresAt : Math.min(lease.renewAt, lease.expiresAt);
}
