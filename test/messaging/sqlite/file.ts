// Reads a queue's file as tables, without the adapter: its waiting messages, and leases that expire. For tests only.
import { rmSync, mkdtempSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { onTestFinished } from 'vitest';
import type { Headers } from '../../../src/messaging/message.ts';
import type { MessageFacts } from '../../../src/messaging/message.ts';

/** Runs `work` on the file's tables. */
export function withFile<Result>(path: string, work: (handle: DatabaseSync) => Result): Result {
  const handle = new DatabaseSync(path, { timeout: 5000 });
  try {
    return work(handle);
  } finally {
    handle.close();
  }
}

/** The messages of a queue that are not leased, in the order of delivery. */
export function browseFile(path: string, queueName: string): MessageFacts[] {
  const rows = withFile(path, (handle) =>
    handle
      .prepare(
        `SELECT message_id, headers, body FROM message JOIN content USING (id)
          WHERE queue = ? AND lease_until IS NULL ORDER BY due_at, id`,
      )
      .all(queueName),
  );
  return rows.map((row) => ({
    messageId: String(row['message_id']),
    headers: JSON.parse(String(row['headers'])) as Headers,
    body: row['body'] as Uint8Array,
  }));
}

/** Expires all leases, as after the death of every host. */
export function expireLeases(path: string): void {
  withFile(path, (handle) => {
    handle.exec('UPDATE message SET lease_until = 1 WHERE lease_until IS NOT NULL');
    // As a connection does after a commit, see watcher.ts.
    utimesSync(`${path}-wal`, new Date(), new Date());
  });
}

/** The path of a new file, in a directory that is removed when the test has finished. */
export function newPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'svchost-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'queue.db');
}
