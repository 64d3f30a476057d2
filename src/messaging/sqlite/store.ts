// The statements on queues and messages. Synchronous; whoever calls a method that changes something holds a transaction.
import type { Database } from './database.ts';

/** A message as it is sent. Times are milliseconds since the epoch. */
export interface NewMessage {
  readonly queueName: string;
  readonly messageId: string;
  readonly body: Uint8Array;
  /** JSON. */
  readonly headers: string;
  readonly enqueuedAt: number;
  readonly dueAt: number;
}

/** The right to settle a message: its row, and the mark of the claim that took it. */
export interface Lease {
  readonly id: number;
  readonly token: string;
}

/** What is kept of a message in any case. */
export interface StoredMessage {
  readonly messageId: string;
  readonly body: Uint8Array;
  /** JSON. */
  readonly headers: string;
}

/** A message that was claimed. */
export interface ClaimedMessage extends Lease, StoredMessage {
  readonly attempt: number;
  readonly crashes: number;
  readonly enqueuedAt: number;
  readonly firstSeenAt: number;
  readonly claimedAt: number;
}

/** What a claim asks for. */
export interface Claim {
  readonly queueName: string;
  /** How many messages at most. */
  readonly limit: number;
  /** Marks what is claimed; never used twice. */
  readonly token: string;
  readonly now: number;
  readonly until: number;
}

interface ClaimedRow {
  readonly id: number;
  readonly message_id: string;
  readonly attempt: number;
  readonly crashes: number;
  readonly enqueued_at: number;
  readonly due_at: number;
  readonly first_seen_at: number;
}

interface MessageRow {
  readonly message_id: string;
}

interface ContentRow {
  readonly headers: string;
  readonly body: Uint8Array;
}

/** Where a dead letter goes, and the JSON of the headers that tell why. */
export interface Burial {
  readonly queueName: string;
  readonly headers: string;
  readonly now: number;
}

/** The queues and messages of one database. */
export class MessageStore {
  readonly #statements;

  constructor({ handle }: Database) {
    this.#statements = {
      addQueue: handle.prepare('INSERT INTO queue (name) VALUES (?) ON CONFLICT DO NOTHING'),
      hasQueue: handle.prepare('SELECT 1 FROM queue WHERE name = ?'),
      add: handle.prepare(
        'INSERT INTO message (queue, message_id, enqueued_at, due_at) VALUES (?, ?, ?, ?) RETURNING id',
      ),
      addContent: handle.prepare('INSERT INTO content (id, headers, body) VALUES (?, ?, ?)'),
      expire: handle.prepare(
        `UPDATE message SET lease_token = NULL, lease_until = NULL, crashes = crashes + 1
          WHERE queue = ? AND lease_until <= ?`,
      ),
      claim: handle.prepare(
        `UPDATE message SET lease_token = ?, lease_until = ?, first_seen_at = coalesce(first_seen_at, ?)
          WHERE id IN (SELECT id FROM message WHERE queue = ? AND lease_until IS NULL AND due_at <= ?
                        ORDER BY due_at, id LIMIT ?)
          RETURNING id, message_id, attempt, crashes, enqueued_at, due_at, first_seen_at`,
      ),
      content: handle.prepare('SELECT headers, body FROM content WHERE id = ?'),
      renew: handle.prepare('UPDATE message SET lease_until = ? WHERE id = ? AND lease_token = ?'),
      release: handle.prepare(
        'UPDATE message SET lease_token = NULL, lease_until = NULL WHERE id = ? AND lease_token = ?',
      ),
      remove: handle.prepare('DELETE FROM message WHERE id = ? AND lease_token = ?'),
      removeContent: handle.prepare('DELETE FROM content WHERE id = ?'),
      postpone: handle.prepare(
        `UPDATE message SET lease_token = NULL, lease_until = NULL, attempt = attempt + 1, crashes = 0, due_at = ?
          WHERE id = ? AND lease_token = ?`,
      ),
      bury: handle.prepare(
        `UPDATE message SET queue = ?, lease_token = NULL, lease_until = NULL, attempt = 1, crashes = 0, due_at = ?
          WHERE id = ? AND lease_token = ?`,
      ),
      replaceHeaders: handle.prepare('UPDATE content SET headers = ? WHERE id = ?'),
      firstDue: handle.prepare(
        'SELECT min(due_at) AS at FROM message WHERE queue = ? AND lease_until IS NULL',
      ),
      firstExpiry: handle.prepare(
        'SELECT min(lease_until) AS at FROM message WHERE queue = ? AND lease_until IS NOT NULL',
      ),
      newest: handle.prepare(
        `SELECT message_id, headers, body FROM message JOIN content USING (id)
          WHERE queue = ? AND lease_until IS NULL ORDER BY due_at DESC, id DESC LIMIT ?`,
      ),
      countFree: handle.prepare('SELECT count(*) AS n FROM message WHERE queue = ? AND lease_until IS NULL'),
      countExpired: handle.prepare('SELECT count(*) AS n FROM message WHERE queue = ? AND lease_until <= ?'),
    };
  }

  /** Makes the queue, unless it is there. */
  addQueue(queueName: string): void {
    this.#statements.addQueue.run(queueName);
  }

  /** Adds a message; false where there is no such queue. */
  add({ queueName, messageId, body, headers, enqueuedAt, dueAt }: NewMessage): boolean {
    if (this.#statements.hasQueue.get(queueName) === undefined) return false;
    const row = this.#statements.add.get(queueName, messageId, enqueuedAt, dueAt) as unknown as {
      id: number;
    };
    this.#statements.addContent.run(row.id, headers, body);
    return true;
  }

  /** Frees the messages whose lease has run out: their host died, or slept, without an outcome. */
  expire(queueName: string, now: number): void {
    this.#statements.expire.run(queueName, now);
  }

  /** Leases the messages that have been due for longest, in the order of their turn. */
  claim({ queueName, limit, token, now, until }: Claim): ClaimedMessage[] {
    const rows = this.#statements.claim.all(
      token,
      until,
      now,
      queueName,
      now,
      limit,
    ) as unknown as ClaimedRow[];
    // RETURNING promises no order.
    rows.sort((a, b) => a.due_at - b.due_at || a.id - b.id);
    return rows.map((row) => {
      const { headers, body } = this.#statements.content.get(row.id) as unknown as ContentRow;
      return {
        id: row.id,
        token,
        messageId: row.message_id,
        body,
        headers,
        attempt: row.attempt,
        crashes: row.crashes,
        enqueuedAt: row.enqueued_at,
        firstSeenAt: row.first_seen_at,
        claimedAt: now,
      };
    });
  }

  // Each of these answers whether the lease was still held; where it was not, nothing has changed.

  /** Keeps the message until `until`. */
  renew({ id, token }: Lease, until: number): boolean {
    return this.#statements.renew.run(until, id, token).changes === 1;
  }

  /** Gives the message back to its place in the queue. */
  release({ id, token }: Lease): boolean {
    return this.#statements.release.run(id, token).changes === 1;
  }

  /** Takes the message away for good. */
  remove({ id, token }: Lease): boolean {
    if (this.#statements.remove.run(id, token).changes === 0) return false;
    this.#statements.removeContent.run(id);
    return true;
  }

  /** Gives the message back for its next attempt, at `dueAt`, behind what is due before. */
  postpone({ id, token }: Lease, dueAt: number): boolean {
    return this.#statements.postpone.run(dueAt, id, token).changes === 1;
  }

  /** Moves the message to the dead-letter queue, where it is a message like any other. */
  bury({ id, token }: Lease, { queueName, headers, now }: Burial): boolean {
    if (this.#statements.bury.run(queueName, now, id, token).changes === 0) return false;
    this.#statements.replaceHeaders.run(headers, id);
    this.addQueue(queueName);
    return true;
  }

  /** When the next message of the queue can be claimed; in the past where one can be now, undefined where there is none. */
  nextClaimAt(queueName: string): number | undefined {
    const due = this.#statements.firstDue.get(queueName)?.['at'] as number | null;
    const expiry = this.#statements.firstExpiry.get(queueName)?.['at'] as number | null;
    if (due === null) return expiry ?? undefined;
    return expiry === null ? due : Math.min(due, expiry);
  }

  /** The newest messages of the queue that are nobody's at the moment, oldest first. */
  newest(queueName: string, limit: number): StoredMessage[] {
    const rows = this.#statements.newest.all(queueName, limit) as unknown as (ContentRow & MessageRow)[];
    return rows.reverse().map(({ message_id, headers, body }) => ({ messageId: message_id, headers, body }));
  }

  /** How many messages of the queue are nobody's at the moment. */
  count(queueName: string, now: number): number {
    const free = this.#statements.countFree.get(queueName)?.['n'];
    const expired = this.#statements.countExpired.get(queueName, now)?.['n'];
    return Number(free) + Number(expired);
  }
}
