// Notices commits of other processes, and lets them notice those of this one.
import { utimesSync, watch, type FSWatcher } from 'node:fs';
import type { Clock } from '../../clock.ts';
import { toError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { toRefusal, type Database } from './database.ts';
import { explain, kindOf } from './failure.ts';

/** The database to watch, and the listeners of changes and of its loss. */
export interface WatcherOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** How often to check even without a notice, in milliseconds; see `SqliteOptions`. */
  readonly checkEveryMs: number;
  readonly onChange: () => void;
  /** Called once, when the file is gone or damaged. */
  readonly onFailure: (error: Error) => void;
}

/** How often to check if the system cannot watch files, in milliseconds. */
const unwatchedCheckMs = 500;

/**
 * Watches the write-ahead log, to which every process writes its commits. The write comes before the commit is visible,
 * so a check at that moment would find nothing; hence each process touches the log again after a commit (`ring`).
 */
export class ChangeWatcher {
  readonly #options: WatcherOptions;
  #watcher: FSWatcher | undefined;
  #checkEveryMs: number;
  #seenVersion = 0;
  #checking = false;
  #cancelTimer: (() => void) | undefined;
  #running = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#checkEveryMs = options.checkEveryMs;
  }

  /** Begins to watch. Idempotent. */
  start(): void {
    const { logPath } = this.#options.database;
    // A database in memory has no other connection.
    if (this.#running || logPath === undefined) return;
    this.#running = true;
    this.#seenVersion = this.#options.database.dataVersion();
    try {
      this.#watcher = watch(logPath, { persistent: false }, () => this.#checkSoon());
      this.#watcher.on('error', (error) => this.#watchLost(error));
      this.#checkLater();
    } catch (error) {
      this.#watchLost(error);
    }
  }

  /** Lets the other processes notice a commit. */
  ring(): void {
    const { logPath } = this.#options.database;
    if (logPath === undefined) return;
    try {
      const now = new Date();
      utimesSync(logPath, now, now);
    } catch (error) {
      // The others also check from time to time, and a missing file is found by the next check.
      this.#options.log.debug(
        { path: logPath, error: { message: toError(error).message } },
        'change not announced',
      );
    }
  }

  /** Stops watching. Idempotent. */
  close(): void {
    this.#running = false;
    this.#watcher?.close();
    this.#cancelTimer?.();
  }

  /** A commit causes several events; one check covers them all. */
  #checkSoon(): void {
    if (this.#checking) return;
    this.#checking = true;
    setImmediate(() => {
      this.#checking = false;
      this.#check();
    });
  }

  #checkLater(): void {
    this.#cancelTimer = this.#options.clock.after(this.#checkEveryMs, () => {
      this.#checkLater();
      this.#check();
    });
  }

  #check(): void {
    if (!this.#running) return;
    const { database, log, onChange, onFailure } = this.#options;
    try {
      database.verify();
      const version = database.dataVersion();
      if (version === this.#seenVersion) return;
      this.#seenVersion = version;
    } catch (error) {
      if (kindOf(error) === 'fatal') {
        this.close();
        return onFailure(toRefusal(error, database.path));
      }
      return log.warn(
        { path: database.path, error: { message: explain(error, database.path) } },
        'database not readable',
      );
    }
    onChange();
  }

  #watchLost(error: unknown): void {
    const { database, log } = this.#options;
    this.#watcher?.close();
    this.#checkEveryMs = Math.min(this.#checkEveryMs, unwatchedCheckMs);
    this.#cancelTimer?.();
    if (this.#running) this.#checkLater();
    log.warn(
      {
        path: database.path,
        checkEveryMs: this.#checkEveryMs,
        error: { message: toError(error).message },
      },
      'cannot watch the file; checking it from time to time',
    );
  }
}
