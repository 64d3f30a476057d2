// Tells SQS what became of messages: deletes and visibility changes, in batches, tried again while the lease lasts.
import { sleep } from '../../clock.ts';
import { toError } from '../../errors.ts';
import type { AdapterContext } from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import type { FailedEntries, SqsApi } from './api.ts';
import { Batch } from './batch.ts';
import { describeFailure, isMissingQueue, refusalOf } from './failure.ts';
import type { Lease } from './lease.ts';
import { Patience } from './patience.ts';
import type { SqsQueue } from './queue.ts';

/** Something to be told about one message. */
interface Entry {
  readonly lease: Lease;
  /** The newest of the message. */
  receiptHandle: string;
  /** Of a visibility change; 0 of a delete, which has none. */
  readonly visibilityTimeoutS: number;
  /** Told whether SQS has done it; false where the message is no longer ours. */
  readonly resolve: (isTold: boolean) => void;
  readonly reject: (error: Error) => void;
}

/** One kind of thing to tell. */
interface Kind {
  readonly action: 'DeleteMessage' | 'ChangeMessageVisibility';
  readonly patience: Patience;
  readonly call: (url: string, entries: readonly Entry[]) => Promise<FailedEntries>;
}

export class Teller {
  readonly #api: SqsApi;
  readonly #context: AdapterContext;
  readonly #queue: () => SqsQueue;
  readonly #deletes: Batch<Entry>;
  readonly #changes: Batch<Entry>;
  /** Deletes that SQS has not confirmed, by the message's id. */
  readonly #deleting = new Map<string, Entry>();
  readonly #stopped = new AbortController();

  constructor(api: SqsApi, context: AdapterContext, queue: () => SqsQueue) {
    const { clock } = context;
    this.#api = api;
    this.#context = context;
    this.#queue = queue;
    const deleting: Kind = {
      action: 'DeleteMessage',
      patience: new Patience(clock),
      call: (url, entries) =>
        api.deleteBatch(
          url,
          entries.map(({ receiptHandle }) => receiptHandle),
        ),
    };
    const changing: Kind = {
      action: 'ChangeMessageVisibility',
      patience: new Patience(clock),
      call: (url, entries) => api.changeVisibilityBatch(url, entries),
    };
    this.#deletes = new Batch(clock, (entries) => void this.#tell(deleting, entries));
    this.#changes = new Batch(clock, (entries) => void this.#tell(changing, entries));
  }

  /**
   * Deletes the message.
   *
   * @returns whether it is deleted; false where its lease ended first
   * @throws BrokerRefusedError SQS keeps refusing
   */
  async delete(lease: Lease): Promise<boolean> {
    const id = lease.message.MessageId ?? '';
    try {
      return await this.#add(this.#deletes, lease, 0, (entry) => this.#deleting.set(id, entry));
    } finally {
      this.#deleting.delete(id);
    }
  }

  /** Makes the message visible again after so many seconds; see `delete`. */
  async changeVisibility(lease: Lease, visibilityTimeoutS: number): Promise<boolean> {
    return await this.#add(this.#changes, lease, visibilityTimeoutS);
  }

  /**
   * The message was received once more. Where it is about to be deleted, it is done: the newer handle is what SQS
   * listens to.
   *
   * @returns whether it is about to be deleted
   */
  renewHandle(messageId: string, receiptHandle: string): boolean {
    const entry = this.#deleting.get(messageId);
    if (entry) entry.receiptHandle = receiptHandle;
    return entry !== undefined;
  }

  /** Tells at once what waits for company. */
  flush(): void {
    this.#deletes.flush();
    this.#changes.flush();
  }

  /** Gives up what SQS has not confirmed. */
  stop(): void {
    this.flush();
    this.#stopped.abort();
  }

  #add(
    batch: Batch<Entry>,
    lease: Lease,
    visibilityTimeoutS: number,
    onEntry?: (entry: Entry) => void,
  ): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const { receiptHandle } = lease;
      const entry: Entry = { lease, receiptHandle, visibilityTimeoutS, resolve, reject };
      onEntry?.(entry);
      batch.add(entry);
    });
  }

  /** Never rejects: each entry is told for itself. */
  async #tell(kind: Kind, entries: readonly Entry[]): Promise<void> {
    const { clock } = this.#context;
    let open = entries;
    for (let failures = 1; ; failures++) {
      try {
        open = await this.#tellOnce(kind, open);
      } catch (error) {
        if (this.#isHopeless(kind, error, open)) return;
      }
      if (open.length === 0) return;
      await sleep(clock, backoffMs(failures), this.#stopped.signal);
      open = this.#stillOurs(open);
    }
  }

  /** One call for entries of one batch; returns those to be tried again. */
  async #tellOnce(kind: Kind, entries: readonly Entry[]): Promise<Entry[]> {
    const again: Entry[] = [];
    const used = entries.map(({ receiptHandle }) => receiptHandle);
    const failed = await kind.call(this.#queue().url, entries);
    kind.patience.renew();
    for (const [index, entry] of entries.entries()) {
      const failure = failed.get(index);
      if (!failure) entry.resolve(true);
      // A fault of ours stays one, unless the message has a newer handle by now.
      else if (!failure.SenderFault || entry.receiptHandle !== used[index]) again.push(entry);
      else this.#giveUp(entry, failure.Message ?? failure.Code ?? 'refused');
    }
    if (again.length > 0) this.#warn(again.length, 'a part of the batch failed');
    return again;
  }

  /** Whether nothing more can be told: the queue is gone with its messages, or SQS refuses for too long. */
  #isHopeless({ action, patience }: Kind, error: unknown, entries: readonly Entry[]): boolean {
    const place = { action, queueName: this.#queue().name, region: this.#api.region };
    const reason = describeFailure(error, place);
    if (isMissingQueue(error)) {
      for (const entry of entries) this.#giveUp(entry, reason);
      return true;
    }
    const refusal = refusalOf(error, place);
    if (!refusal) patience.renew();
    else if (patience.isOver()) {
      for (const entry of entries) entry.reject(refusal);
      return true;
    }
    this.#warn(entries.length, reason);
    return false;
  }

  #stillOurs(entries: readonly Entry[]): Entry[] {
    return entries.filter((entry) => {
      const isOver = this.#stopped.signal.aborted || this.#hasExpired(entry);
      if (isOver) this.#giveUp(entry, 'its lease has ended');
      return !isOver;
    });
  }

  /** A lease that nobody renews any more is not told to be lost. */
  #hasExpired({ lease, receiptHandle }: Entry): boolean {
    const isNewer = receiptHandle !== lease.receiptHandle;
    return !isNewer && (lease.isLost || lease.expiresAt <= this.#context.clock.now());
  }

  #giveUp(entry: Entry, reason: string): void {
    const { name: queue } = this.#queue();
    const sqsMessageId = entry.lease.message.MessageId;
    this.#context.log.warn(
      { queue, sqsMessageId, reason },
      'outcome not told; SQS delivers the message again',
    );
    entry.resolve(false);
  }

  #warn(messages: number, reason: string): void {
    this.#context.log.warn(
      { queue: this.#queue().name, messages, reason: toError(reason).message },
      'outcomes not told; trying again',
    );
  }
}
