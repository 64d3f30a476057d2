// Turns outcomes into calls to SQS: a delete, a visibility change, or a dead letter and then a delete.
import type { Outcome } from '../adapter.ts';
import type { DeadLetterSender, Holding } from './dead-letter.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { Lease } from './lease.ts';
import type { Source } from './queue.ts';
import { Recorder } from './recorder.ts';

/** The parts of a consumer that settle its messages. */
export interface SettlementOptions {
  readonly source: Source;
  readonly keeper: LeaseKeeper;
  readonly deadLetters: DeadLetterSender;
  /** Whether deliveries are in flight: their outcomes may soon join a batch. */
  readonly isBusy: () => boolean;
}

/** Settles the messages of one consumer. */
export class Settlement {
  readonly #options: SettlementOptions;
  readonly #deletes: Recorder;
  readonly #changes: Recorder;
  readonly #stopped = new AbortController();
  #isFlushing = false;

  constructor(options: SettlementOptions) {
    const { source, keeper } = options;
    const { api } = source;
    const shared = {
      source,
      onLost: (lease: Lease, why: string) => keeper.lose(lease, why),
      stopped: this.#stopped.signal,
    };
    this.#options = options;
    this.#deletes = new Recorder({
      ...shared,
      call: (queue, entries) =>
        api.deleteBatch(
          queue,
          entries.map(({ receiptHandle }) => receiptHandle),
        ),
    });
    this.#changes = new Recorder({
      ...shared,
      call: (queue, entries) => api.changeVisibilityBatch(queue, entries),
    });
  }

  /**
   * Records an outcome.
   *
   * @returns true once SQS has it; false if the lease was lost first
   * @throws BrokerRefusedError SQS has been refusing for too long
   */
  async settle(lease: Lease, outcome: Outcome, holding: Holding): Promise<boolean> {
    const { keeper } = this.#options;
    try {
      switch (outcome.kind) {
        case 'done':
          return await this.#delete(lease);
        case 'dead':
          return await this.#deadLetter(lease, outcome, holding);
        case 'retry':
          return await this.#makeVisible(lease, Math.ceil(outcome.delayMs / 1000));
        case 'requeue':
          return await this.#makeVisible(lease, 0);
      }
    } finally {
      void keeper.stopRenewing(lease);
    }
  }

  /**
   * Notes that a message has been received again.
   *
   * @returns whether it is being deleted: then it must not be delivered again
   */
  renewHandle(sqsMessageId: string, receiptHandle: string): boolean {
    return this.#deletes.renewHandle(sqsMessageId, receiptHandle);
  }

  /** Sends the gathered outcomes at once, and retries nothing from now on. */
  stop(): void {
    this.#flush();
    this.#stopped.abort();
  }

  async #deadLetter(lease: Lease, outcome: Outcome & { kind: 'dead' }, holding: Holding): Promise<boolean> {
    const end = await this.#options.deadLetters.deadLetter(lease, outcome, holding);
    if (end === 'unmoved') await this.#makeVisible(lease, 0);
    return end === 'moved' && (await this.#delete(lease));
  }

  async #delete(lease: Lease): Promise<boolean> {
    if (lease.isLost) return false;
    this.#flushSoon();
    return await this.#deletes.record(lease);
  }

  async #makeVisible(lease: Lease, delayS: number): Promise<boolean> {
    const { keeper, source } = this.#options;
    await keeper.stopRenewing(lease);
    if (lease.isLost) return false;
    this.#flushSoon();
    return await this.#changes.record(
      lease,
      Math.min(delayS, lease.longestS(source.context.clock.elapsed())),
    );
  }

  /**
   * Sends a batch without further wait if no delivery is left whose outcome could join it. Not in the same turn, since
   * messages that arrived together often end together.
   */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      if (!this.#options.isBusy()) this.#flush();
    });
  }

  #flush(): void {
    this.#deletes.flush();
    this.#changes.flush();
  }
}
