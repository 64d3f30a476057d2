// Commits writes: those of one turn of the event loop share a transaction, and so one wait for the disk. Retries
// commits that fail.
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../log.ts';
import { backoffMs } from '../backoff.ts';
import { toRefusal, type Database } from './database.ts';
import { explain, kindOf, resultCodeOf } from './failure.ts';

/** One thing to write. */
export interface Write<Result> {
  /** Runs inside a transaction, and again if that fails: it must change nothing but the database. */
  readonly run: () => Result;
  /** Whether to retry after a temporary error; asked after each one. */
  readonly keepTrying: (error: unknown) => boolean;
  /**
   * Whether it must survive a power failure once it has resolved, as a sent message must. A lost claim or outcome only
   * means that the work is repeated. Default: false.
   */
  readonly durable?: boolean;
  /** The queue that may have a new message to deliver once this is committed. */
  readonly wakes?: string;
}

/** The database, and the listeners of commits and of failure. */
export interface WriterOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called after each commit with the queues that it wakes, if there are any. */
  readonly onWake: (queueNames: ReadonlySet<string>) => void;
  /** Called once, when writing has failed permanently. */
  readonly onFailure: (error: Error) => void;
}

/** A write that waits. */
interface Entry {
  /** Runs the write, and returns the function that resolves its promise. */
  readonly run: () => () => void;
  readonly reject: (error: unknown) => void;
  readonly keepTrying: (error: unknown) => boolean;
  readonly durable: boolean;
  readonly wakes: string | undefined;
}

/** The largest number of writes in a transaction; more would hold up the event loop and other processes. */
const batchSize = 1000;

/**
 * The longest pause between retries, in milliseconds. Short: trouble with a file ends for good at one moment, and no
 * crowd of hosts needs to be held back, as with a broker.
 */
const longestPauseMs = 2000;

/** Makes all changes to the data of one connection. */
export class Writer {
  readonly #options: WriterOptions;
  #pending: Entry[] = [];
  /** Writes that wait until trouble is over (a full disk, a lock), in order of arrival. */
  #parked: Entry[] = [];
  #trouble: unknown;
  /** Failed tries since the trouble began. */
  #failures = 0;
  #flushing = false;
  #cancelRetry: (() => void) | undefined;
  /** Why writing has ended. */
  #ended: Error | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Resolves with the result of `run` once it is committed; rejects if it fails for good. */
  write<Result>({ run, keepTrying, durable = false, wakes }: Write<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const entry: Entry = {
        run: () => {
          const result = run();
          return () => resolve(result);
        },
        reject,
        keepTrying,
        durable,
        wakes,
      };
      // Behind earlier writes, so that no claim overtakes the settle that made room for it.
      if (this.#parked.length > 0 && keepTrying(this.#trouble)) this.#parked.push(entry);
      else this.#enqueue(entry);
    });
  }

  /** Retries at once the writes that wait until trouble is over. */
  retryNow(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#pending = [...this.#parked.splice(0), ...this.#pending];
    this.#schedule();
  }

  /** Commits the waiting writes now, and rejects those that fail. Rejects all later ones with `reason`. */
  close(reason: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#cancelRetry?.();
    this.#commit([...this.#parked.splice(0), ...this.#pending.splice(0)]);
  }

  #enqueue(entry: Entry): void {
    this.#pending.push(entry);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#flushing || this.#pending.length === 0) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      const batch = this.#pending.splice(0, batchSize);
      this.#schedule();
      this.#commit(batch);
    });
  }

  #commit(batch: readonly Entry[]): void {
    if (batch.length === 0) return;
    let answers: (() => void)[];
    try {
      const durable = batch.some((entry) => entry.durable);
      answers = this.#options.database.transaction(durable, () => batch.map((entry) => entry.run()));
      // A commit to a deleted file would be lost.
      this.#options.database.verify();
    } catch (error) {
      return this.#recover(batch, error);
    }
    if (this.#parked.length === 0) this.#failures = 0;
    for (const answer of answers) answer();
    const woken = new Set(batch.flatMap(({ wakes }) => (wakes === undefined ? [] : [wakes])));
    if (woken.size > 0) this.#options.onWake(woken);
  }

  #recover(batch: readonly Entry[], error: unknown): void {
    const kind = kindOf(error);
    if (kind === 'fatal') return this.#fail(batch, error);
    if (kind !== 'busy' && batch.length > 1) {
      // A single write may be at fault, or a single large body too large for the disk: the rest of the batch must not
      // fail with it. All of the batch was rolled back, so it is run again, in halves.
      const middle = Math.ceil(batch.length / 2);
      this.#commit(batch.slice(0, middle));
      this.#commit(batch.slice(middle));
      return;
    }
    for (const entry of batch) this.#parkOrReject(entry, error);
  }

  #parkOrReject(entry: Entry, error: unknown): void {
    const mayPass = this.#ended === undefined && kindOf(error) !== 'operation';
    if (!mayPass || !entry.keepTrying(error)) return entry.reject(error);
    this.#parked.push(entry);
    this.#trouble = error;
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#cancelRetry !== undefined) return;
    this.#failures += 1;
    const pauseMs = Math.min(longestPauseMs, backoffMs(this.#failures));
    // Ever more rarely: at the 1st, 2nd, 4th, 8th... failure. A lock is worth a warning only if it lasts.
    const firstWorthWarning = kindOf(this.#trouble) === 'busy' ? 4 : 1;
    if (this.#failures >= firstWorthWarning && Number.isInteger(Math.log2(this.#failures)))
      this.#warn(pauseMs);
    this.#cancelRetry = this.#options.clock.after(pauseMs, () => this.retryNow());
  }

  #warn(retryInMs: number): void {
    const { database, log } = this.#options;
    const fields = {
      path: database.path,
      error: { message: explain(this.#trouble, database.path) },
      resultCode: resultCodeOf(this.#trouble),
      failures: this.#failures,
      waiting: this.#parked.length,
      retryInMs,
    };
    log.warn(fields, 'database not writable; trying again');
  }

  #fail(batch: readonly Entry[], error: unknown): void {
    const failure = toRefusal(error, this.#options.database.path);
    const closed = this.#ended !== undefined;
    this.#ended = failure;
    this.#cancelRetry?.();
    for (const entry of [...batch, ...this.#parked.splice(0), ...this.#pending.splice(0)])
      entry.reject(failure);
    if (!closed) this.#options.onFailure(failure);
  }
}
