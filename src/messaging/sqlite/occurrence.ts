// The occurrences that replicas have claimed: one row each, in a table of their own.
import { claimMemoryMs } from '../capability.ts';
import type { Database } from './database.ts';

/** Created on first use: most files serve no schedule. */
const table = `
  CREATE TABLE IF NOT EXISTS occurrence (
    schedule TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL,
    PRIMARY KEY (schedule, due_at)
  ) STRICT, WITHOUT ROWID;
`;

/**
 * How long claims are kept, in milliseconds: a day, longer than replicas need, so that people can look into the file.
 */
const keepMs = Math.max(claimMemoryMs, 86_400_000);

/** The claimed occurrences of one database. Callers of methods that write must hold a transaction. */
export class OccurrenceStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Claims the occurrence; false if it was claimed before. `now` is in milliseconds since the epoch. */
  claim(schedule: string, occurrence: Date, now: number): boolean {
    const { handle } = this.#database;
    handle.exec(table);
    handle
      .prepare('DELETE FROM occurrence WHERE schedule = ? AND claimed_at < ?')
      .run(schedule, now - keepMs);
    const insert = handle.prepare(
      'INSERT INTO occurrence (schedule, due_at, claimed_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    );
    return insert.run(schedule, occurrence.getTime(), Math.floor(now)).changes === 1;
  }
}
