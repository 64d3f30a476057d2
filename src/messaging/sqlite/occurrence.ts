// The occurrences of schedules that replicas have claimed: a row each, in a table of their own.
import { claimMemoryMs } from '../capability.ts';
import type { Database } from './database.ts';

/** Made when it is first needed: most files have no schedule. */
const table = `
  CREATE TABLE IF NOT EXISTS occurrence (
    schedule TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL,
    PRIMARY KEY (schedule, due_at)
  ) STRICT, WITHOUT ROWID;
`;

/** A day, in milliseconds: far longer than any replica asks, and useful to people who look into the file. */
const keepMs = Math.max(claimMemoryMs, 86_400_000);

/** The claimed occurrences of one database. The caller of a method that changes something holds a transaction. */
export class OccurrenceStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Whether the occurrence was still free, and now is the caller's. `now` is in milliseconds since the epoch. */
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
