// The tables of the embedded queue's file, and the check that a file is one of ours.
import { BrokerRefusedError } from '../../errors.ts';
import type { DatabaseSync } from './driver.ts';

/** Raised whenever the tables change; kept in the file as `user_version`. */
const currentVersion = 3;

/** `svch`, kept in the file as `application_id`, so that no other program's database is taken for a queue. */
const applicationId = 0x73766368;

/** Columns that version 2 has added to `message`; `deliveries` counts the deliveries of the current attempt. */
const columnsOf2 = ['deliveries INTEGER NOT NULL DEFAULT 0', 'reply_to TEXT', 'correlation_id TEXT'];

/**
 * The column that version 3 has added to `message`: the time at which its instants were last written. If that is in the
 * future, the clock was set back since.
 */
const columnsOf3 = ['written_at INTEGER NOT NULL DEFAULT 0'];

/** The columns that each version has added, the oldest version first. */
const additions = [
  { version: 2, columns: columnsOf2 },
  { version: 3, columns: columnsOf3 },
];

/**
 * - A message's content has a table of its own because SQLite rewrites a row when its size changes: a claim would copy
 *   a body of 10 MiB just to write a lease.
 * - AUTOINCREMENT, so that a late settle never hits another message that has got the same id.
 * - A row is either free (no lease) or leased, and is in one of the two partial indexes: a claim reads only the rows
 *   that it takes, however long the queue is.
 */
const tables = `
  CREATE TABLE queue (
    name TEXT NOT NULL PRIMARY KEY
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    message_id TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 1,
    crashes INTEGER NOT NULL DEFAULT 0,
    enqueued_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    first_seen_at INTEGER,
    lease_token TEXT,
    lease_until INTEGER,
    ${[...columnsOf2, ...columnsOf3].join(', ')}
  ) STRICT;

  CREATE TABLE content (
    id INTEGER PRIMARY KEY,
    headers TEXT NOT NULL,
    body BLOB NOT NULL
  ) STRICT;

  CREATE INDEX message_free ON message (queue, due_at, id) WHERE lease_until IS NULL;
  CREATE INDEX message_leased ON message (queue, lease_until) WHERE lease_until IS NOT NULL;

  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${currentVersion};
`;

/**
 * Creates the tables in an empty file, and brings those of an older version up to date. Must be called inside a write
 * transaction, so that only one of several processes that open a file at once does so.
 *
 * @throws BrokerRefusedError see `checkSchema`
 */
export function ensureSchema(handle: DatabaseSync, path: string): void {
  if (isEmpty(handle)) return handle.exec(tables);
  checkSchema(handle, path);
  const found = pragma(handle, 'user_version');
  for (const { version, columns } of additions.filter(({ version }) => version > found)) {
    for (const column of columns) handle.exec(`ALTER TABLE message ADD COLUMN ${column}`);
    handle.exec(`PRAGMA user_version = ${version}`);
  }
}

/**
 * Makes sure that a file is empty, or a queue that this version understands. Changes nothing.
 *
 * @throws BrokerRefusedError it belongs to another program or to a newer svchost
 */
export function checkSchema(handle: DatabaseSync, path: string): void {
  if (isEmpty(handle)) return;
  if (pragma(handle, 'application_id') !== applicationId) {
    throw new BrokerRefusedError(
      `${path} is a database of another program; set SQLITE_PATH to another file, or move this one away`,
    );
  }
  const version = pragma(handle, 'user_version');
  if (version > currentVersion) {
    throw new BrokerRefusedError(
      `${path} was made by a newer svchost (schema ${version}, this one knows ${currentVersion}); ` +
        `update rococo-svchost, or set SQLITE_PATH to another file`,
    );
  }
}

function isEmpty(handle: DatabaseSync): boolean {
  return handle.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

function pragma(handle: DatabaseSync, name: 'application_id' | 'user_version'): number {
  return Number(handle.prepare(`PRAGMA ${name}`).get()?.[name]);
}
