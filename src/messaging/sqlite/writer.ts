// Commits writes: all that arrive in one turn of the event loop in one transaction, so that they wait for the disk once.
// Repeats commits that fail.
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../log.ts';
import { backoffMs } from '../backoff.ts';
import { toRefusal, type Database } from './database.ts';
import { explain, kindOf, resultCodeOf } from './failure.ts';

/** One thing to write. */
export interface Write<Result> {
  /** Runs inside a transaction, and again if that fails: it may change the database and nothing else. */
  readonly run: () => Result;
  /** Whether to try again after an error that can pass; asked after each one. */
  readonly keepTrying: (error: unknown) => boolean;
  /**
   * Whether it must survive a loss of power from the moment it resolves, as an accepted message must. A forgotten claim or
   * outcome only means that the work is done again. Default: false.
   */
  readonly durable?: boolean;
  /** The queue that may have something new to deliver once this is committed. */
  readonly wakes?: string;
}

/** The database, and the listeners of commits and of failure. */
export interface WriterOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called after each commit with the queues that it wakes, if there are any. */
  readonly onWake: (queueNames: ReadonlySet<string>) => void;
  /** Called once, when nothing can be written any more. */
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

/** How many writes share a transaction at most; a larger one would hold up the event loop and the other processes. */
const batchSize = 1000;

/** Short: trouble with a file ends at a stroke, and there is no crowd of hosts to spare, as with a broker. */
const longestPauseMs = 2000;

/** The one way to change the database. */
export class Writer {
  readonly #options: WriterOptions;
  #pending: Entry[] = [];
  /** Writes that wait for trouble to pass: a full disk, a lock. In the order of their arrival. */
  #parked: Entry[] = [];
  #trouble: unknown;
  /** Failed tries since the trouble began. */
  #failures = 0;
  #flushing = false;
  #cancelRetry: (() => void) | undefined;
  /** Why nothing is written any more. */
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
      // Behind its elders, so that no claim overtakes the settle that made room for it.
      if (this.#parked.length > 0 && keepTrying(this.#trouble)) this.#parked.push(entry);
      else this.#enqueue(entry);
    });
  }

  /** Tries at once the writes that wait for trouble to pass. */
  retryNow(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#pending = [...this.#parked.splice(0), ...this.#pending];
    this.#schedule();
  }

  /** Commits the waiting writes as far as possible now; rejects the others, and all later ones, with `reason`. */
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
      // A commit to a file that was deleted is none.
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
      // One write may be all that is wrong, or one large body all that does not fit on the disk: its neighbours must
      // not fail with it. All of a batch is undone and done again, as a write may have failed halfway.
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
    // At a falling rate: at the 1st, 2nd, 4th, 8th... failure. That others write, too, is no news unless it goes on.
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
