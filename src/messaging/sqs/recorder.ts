// Records outcomes with SQS by one kind of batch call, and retries for as long as the leases last.
import { sleep } from '../../clock.ts';
import { BrokerRefusedError, toError } from '../../errors.ts';
import { backoffMs } from '../backoff.ts';
import { Patience } from '../patience.ts';
import type { FailedEntries } from './api.ts';
import { Batch } from './batch.ts';
import { isMissingQueue } from './failure.ts';
import type { Lease } from './lease.ts';
import { patienceMs } from './options.ts';
import type { SqsQueue, Source } from './queue.ts';

/** One message's part of a batch call. */
export interface Entry {
  readonly lease: Lease;
  /** The newest receipt handle of the message. */
  receiptHandle: string;
  /** Only for visibility changes. */
  readonly visibilityTimeoutS: number;
  readonly resolve: (isRecorded: boolean) => void;
  readonly reject: (error: Error) => void;
}

/** A kind of batch call, and the listener of lost leases. */
export interface RecorderOptions {
  readonly source: Source;
  readonly call: (queue: SqsQueue, entries: readonly Entry[]) => Promise<FailedEntries>;
  /** Called with a message that was lost before SQS had its outcome, and with the reason. */
  readonly onLost: (lease: Lease, why: string) => void;
  /** Aborted when nothing may be retried any more. */
  readonly stopped: AbortSignal;
}

/** One kind of batch call. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #batch: Batch<Entry>;
  readonly #patience: Patience;
  /** Entries that SQS has not confirmed, by SQS's id of the message. */
  readonly #open = new Map<string, Entry>();

  constructor(options: RecorderOptions) {
    const { clock } = options.source.context;
    this.#options = options;
    this.#patience = new Patience(clock, patienceMs);
    this.#batch = new Batch(clock, (entries) => void this.#send(entries));
  }

  /**
   * Makes the call for one message, together with others.
   *
   * @returns true once SQS has done it; false if the lease was lost first
   * @throws BrokerRefusedError SQS has been refusing for too long
   */
  async record(lease: Lease, visibilityTimeoutS = 0): Promise<boolean> {
    const { sqsMessageId, receiptHandle } = lease.received;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const entry: Entry = { lease, receiptHandle, visibilityTimeoutS, resolve, reject };
    this.#open.set(sqsMessageId, entry);
    this.#batch.add(entry);
    try {
      return await promise;
    } finally {
      if (this.#open.get(sqsMessageId) === entry) this.#open.delete(sqsMessageId);
    }
  }

  /**
   * Notes that a message has been received again: SQS accepts only the newest receipt handle, so a call under way is
   * retried with that one.
   *
   * @returns whether the call is under way
   */
  renewHandle(sqsMessageId: string, receiptHandle: string): boolean {
    const entry = this.#open.get(sqsMessageId);
    if (entry) entry.receiptHandle = receiptHandle;
    return entry !== undefined;
  }

  /** Makes the call for the gathered messages at once. */
  flush(): void {
    this.#batch.flush();
  }

  /** Never rejects: each entry is resolved or rejected on its own. */
  async #send(entries: readonly Entry[]): Promise<void> {
    const { source, stopped } = this.#options;
    let open = await this.#try(entries);
    for (let failures = 1; open.length > 0; failures++) {
      await sleep(source.context.clock, backoffMs(failures), stopped);
      open = await this.#try(this.#stillOurs(open));
    }
  }

  /** Makes one call. Returns the entries to try again. */
  async #try(entries: readonly Entry[]): Promise<readonly Entry[]> {
    if (entries.length === 0) return [];
    const handles = entries.map(({ receiptHandle }) => receiptHandle);
    try {
      const failed = await this.#options.call(this.#options.source.queue, entries);
      this.#patience.renew();
      return this.#settle(entries, handles, failed);
    } catch (error) {
      return this.#fail(entries, toError(error));
    }
  }

  #settle(entries: readonly Entry[], handles: readonly string[], failed: FailedEntries): Entry[] {
    const again: Entry[] = [];
    let error: Error | undefined;
    for (const [index, entry] of entries.entries()) {
      const failure = failed.get(index);
      if (!failure) {
        entry.resolve(true);
      } else if (failure.isFinal && entry.receiptHandle === handles[index]) {
        this.#giveUp(entry, failure.error.message);
      } else {
        // A refused handle stays refused, but the message may have a newer one by now.
        again.push(entry);
        error = failure.error;
      }
    }
    if (error) this.#report(again, error);
    return again;
  }

  #fail(entries: readonly Entry[], error: Error): readonly Entry[] {
    // The messages are gone with their queue.
    if (isMissingQueue(error)) {
      for (const entry of entries) this.#giveUp(entry, error.message);
      return [];
    }
    if (!(error instanceof BrokerRefusedError)) this.#patience.renew();
    else if (this.#patience.refused()) {
      for (const { reject } of entries) reject(error);
      return [];
    }
    this.#report(entries, error);
    return entries;
  }

  #stillOurs(entries: readonly Entry[]): Entry[] {
    return entries.filter((entry) => {
      if (this.#options.stopped.aborted) entry.resolve(false);
      else if (this.#hasExpired(entry)) this.#giveUp(entry, 'it expired before SQS had the outcome');
      else return true;
      return false;
    });
  }

  /** Checks the time as well: the keeper no longer watches a lease that it has stopped renewing. */
  #hasExpired({ lease, receiptHandle }: Entry): boolean {
    if (receiptHandle !== lease.received.receiptHandle) return false;
    return lease.isLost || lease.hasExpired(this.#options.source.context.clock.elapsed());
  }

  #giveUp(entry: Entry, why: string): void {
    this.#options.onLost(entry.lease, why);
    entry.resolve(false);
  }

  #report(entries: readonly Entry[], error: Error): void {
    const { queue, context } = this.#options.source;
    context.emit({ kind: 'settle-failed', queue: queue.name, deliveries: entries.length, error });
  }
}
