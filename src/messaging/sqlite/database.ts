// One open database file: creates, opens and sets it up, runs transactions, and checks that it is still in place.
// schema.ts has the tables.
import { closeSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { makeDirectory } from '../../directory.ts';
import { BrokerRefusedError } from '../../errors.ts';
import { openHandle, type DatabaseSync, type StatementSync } from './driver.ts';
import { explain, isDiskFull, systemCodeOf } from './failure.ts';
import { checkSchema, ensureSchema } from './schema.ts';

/** The path of a database in memory, which lasts as long as its connection. */
export const memoryPath = ':memory:';

/**
 * The longest that a statement blocks the event loop while another process writes, in milliseconds. Most writes are
 * shorter; after a longer one the statement is tried again without blocking.
 */
const busyTimeoutMs = 250;

/** The size in bytes that an emptied write-ahead log may keep; without it, one large body would enlarge it for good. */
const leftoverLogBytes = 16 * 1024 * 1024;

/** An open database file. */
export class Database {
  /** Absolute, so that a later change of directory does no harm; or `:memory:`. */
  readonly path: string;
  /** The write-ahead log, which changes with every commit of any process; undefined in memory. */
  readonly logPath: string | undefined;
  readonly handle: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #dataVersion: StatementSync;
  readonly #identity: string;
  /** Whether commits wait for the disk at present. */
  #durable = true;

  /**
   * Opens the file; creates it, its directory and its tables if they are missing. Only the owner may read it, since the
   * bodies in it may be sensitive.
   *
   * @throws BrokerRefusedError the file cannot be used
   * @throws Error SQLite's own: the file is busy, or the disk is full
   */
  constructor(path: string) {
    this.path = path === memoryPath ? path : resolve(path);
    this.logPath = path === memoryPath ? undefined : `${this.path}-wal`;
    if (path !== memoryPath) makeFile(this.path);
    this.handle = openHandle(this.path, busyTimeoutMs);
    try {
      setUp(this.handle, this.path);
      this.#begin = this.handle.prepare('BEGIN IMMEDIATE');
      this.#commit = this.handle.prepare('COMMIT');
      this.#rollback = this.handle.prepare('ROLLBACK');
      this.#dataVersion = this.handle.prepare('PRAGMA data_version');
      this.#identity = this.#whatIsThere();
    } catch (error) {
      this.handle.close();
      throw error;
    }
  }

  /**
   * Runs `work` in one write transaction: all of it is in the file when this returns, or none if it throws. A commit
   * survives a crash of this process; it survives a power failure only if `durable`, which waits for the disk. After a
   * power failure the file is intact, but may lack the last transactions that were not durable.
   */
  transaction<Result>(durable: boolean, work: () => Result): Result {
    this.#synchronize(durable);
    try {
      this.#begin.run();
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some errors, a full disk among them.
      if (this.handle.isTransaction) this.#rollback.run();
      throw error;
    }
  }

  /** A number that changes when another connection, of this process or another, has committed something. */
  dataVersion(): number {
    return Number(this.#dataVersion.get()?.['data_version']);
  }

  /**
   * Makes sure that the path still names the open file. Unix allows writes to a deleted file, and all of them would be
   * lost.
   *
   * @throws BrokerRefusedError the file was deleted, moved or replaced
   */
  verify(): void {
    let found: string;
    try {
      found = this.#whatIsThere();
    } catch {
      // A directory that cannot be read at the moment says nothing about the file.
      return;
    }
    if (found === this.#identity) return;
    throw new BrokerRefusedError(
      `${this.path} was deleted, moved or replaced while it was open; restart to use the file that is now there`,
    );
  }

  close(): void {
    this.handle.close();
  }

  #synchronize(durable: boolean): void {
    if (durable === this.#durable) return;
    this.handle.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
    this.#durable = durable;
  }

  #whatIsThere(): string {
    if (this.logPath === undefined) return memoryPath;
    return `${identityOf(this.path)} ${identityOf(this.logPath)}`;
  }
}

function identityOf(path: string): string {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return 'missing';
    throw error;
  }
}

function makeFile(path: string): void {
  try {
    makeDirectory(dirname(path), 0o700);
  } catch (error) {
    throw notMade(path, error);
  }
  try {
    // `wx` never opens an existing file: closing one that another connection of this process uses would drop that
    // connection's locks (sqlite.org/howtocorrupt.html, 2.2).
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw notMade(path, error);
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    throw new BrokerRefusedError(`${path} is a directory; set SQLITE_PATH to a file`, { cause: error });
  }
}

function notMade(path: string, error: unknown): unknown {
  // Space may be freed while we wait.
  if (isDiskFull(error)) return error;
  const reason = String(systemCodeOf(error));
  return new BrokerRefusedError(
    `${path} cannot be created (${reason}); set SQLITE_PATH to a file in a directory that this user may write to`,
    { cause: error },
  );
}

function setUp(handle: DatabaseSync, path: string): void {
  // First, before anything is changed: the file may be another program's.
  checkSchema(handle, path);
  if (path !== memoryPath) writeAhead(handle, path);
  handle.exec(`PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${leftoverLogBytes}`);
  handle.exec('BEGIN IMMEDIATE');
  try {
    ensureSchema(handle, path);
    handle.exec('COMMIT');
  } catch (error) {
    if (handle.isTransaction) handle.exec('ROLLBACK');
    throw error;
  }
}

/** With a write-ahead log readers do not wait for writers, and a commit needs only one flush to the disk. */
function writeAhead(handle: DatabaseSync, path: string): void {
  const mode = handle.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
  if (mode === 'wal') return;
  throw new BrokerRefusedError(
    `${path} is on a file system that cannot share memory between processes; set SQLITE_PATH to a file on a local disk`,
  );
}

/** `error` as a BrokerRefusedError, with which `connect` rejects. */
export function toRefusal(error: unknown, path: string): BrokerRefusedError {
  return error instanceof BrokerRefusedError
    ? error
    : new BrokerRefusedError(explain(error, path), { cause: error });
}
