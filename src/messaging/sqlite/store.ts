// The SQL statements on queues and messages. Synchronous; callers of methods that write must hold a transaction.
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
  readonly replyTo: string | null;
  readonly correlationId: string | null;
}

/** The right to settle a message: its row's id, and the token of the claim that took it. */
export interface Lease {
  readonly id: number;
  readonly token: string;
}

/** A message's content. */
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
  /** How many times the current attempt has been delivered, including this time. */
  readonly deliveries: number;
  readonly enqueuedAt: number;
  readonly firstSeenAt: number;
  readonly replyTo: string | null;
  readonly correlationId: string | null;
}

/** The parameters of a claim. Times are milliseconds since the epoch. */
export interface Claim {
  readonly queueName: string;
  /** The largest number of messages. */
  readonly limit: number;
  /** Marks the claimed rows; never used twice. */
  readonly token: string;
  readonly now: number;
  readonly until: number;
}

interface MessageRow {
  readonly message_id: string;
}

interface ContentRow {
  readonly headers: string;
  readonly body: Uint8Array;
}

/** The queue that a dead letter goes to, its headers as JSON, and the time in milliseconds since the epoch. */
export interface DeadLetter {
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
        `INSERT INTO message (queue, message_id, enqueued_at, written_at, due_at, reply_to, correlation_id)
          VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id`,
      ),
      addContent: handle.prepare('INSERT INTO content (id, headers, body) VALUES (?, ?, ?)'),
      expire: handle.prepare(
        `UPDATE message SET lease_token = NULL, lease_until = NULL, crashes = crashes + 1
          WHERE queue = ? AND lease_until <= ?`,
      ),
      // `LIMIT +?`, because SQLite plans a statement again each time that a bare `LIMIT ?` is bound, which takes longer
      // than to run it.
      due: handle.prepare(
        `SELECT id, message_id AS messageId, headers, body, attempt, crashes, deliveries + 1 AS deliveries,
                enqueued_at AS enqueuedAt, coalesce(first_seen_at, ?) AS firstSeenAt, reply_to AS replyTo,
                correlation_id AS correlationId
          FROM message JOIN content USING (id)
          WHERE queue = ? AND lease_until IS NULL AND due_at <= ? ORDER BY due_at, id LIMIT +?`,
      ),
      lease: handle.prepare(
        `UPDATE message SET lease_token = ?, lease_until = ?, written_at = ?, first_seen_at = ?, deliveries = ?
          WHERE id = ?`,
      ),
      // What was claimed was due: if it is due later, the clock was set back.
      renew: handle.prepare(
        `UPDATE message SET lease_until = ?3, due_at = min(due_at, ?4), written_at = ?4
          WHERE id = ?1 AND lease_token = ?2`,
      ),
      requeue: handle.prepare(
        `UPDATE message SET lease_token = NULL, lease_until = NULL, due_at = min(due_at, ?3)
          WHERE id = ?1 AND lease_token = ?2`,
      ),
      remove: handle.prepare('DELETE FROM message WHERE id = ? AND lease_token = ?'),
      removeContent: handle.prepare('DELETE FROM content WHERE id = ?'),
      postpone: handle.prepare(
        `UPDATE message SET lease_token = NULL, lease_until = NULL, attempt = attempt + 1, crashes = 0,
                            deliveries = 0, due_at = ?, written_at = ?
          WHERE id = ? AND lease_token = ?`,
      ),
      deadLetter: handle.prepare(
        `UPDATE message SET queue = ?, lease_token = NULL, lease_until = NULL, attempt = 1, crashes = 0,
                            deliveries = 0, due_at = ?, written_at = ?
          WHERE id = ? AND lease_token = ?`,
      ),
      // Two, as a row is in one of two indexes.
      bringBackFree: handle.prepare(
        `UPDATE message SET due_at = due_at - (written_at - ?2), written_at = ?2
          WHERE queue = ?1 AND lease_until IS NULL AND due_at > ?2 AND written_at > ?2`,
      ),
      bringBackLeased: handle.prepare(
        `UPDATE message SET due_at = due_at - (written_at - ?2), lease_until = lease_until - (written_at - ?2),
                            written_at = ?2
          WHERE queue = ?1 AND lease_until > ?2 AND written_at > ?2`,
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

  /** Creates the queue; false if it exists. */
  addQueue(queueName: string): boolean {
    return this.#statements.addQueue.run(queueName).changes === 1;
  }

  /** Adds a message; false if there is no such queue. */
  add(message: NewMessage): boolean {
    const { queueName, messageId, body, headers, enqueuedAt, dueAt, replyTo, correlationId } = message;
    const { hasQueue, add, addContent } = this.#statements;
    if (hasQueue.get(queueName) === undefined) return false;
    const row = add.get(queueName, messageId, enqueuedAt, enqueuedAt, dueAt, replyTo, correlationId);
    addContent.run(Number(row?.['id']), headers, body);
    return true;
  }

  /** Frees the messages whose lease has expired: their host died, or slept, without an outcome. */
  expire(queueName: string, now: number): void {
    this.#statements.expire.run(queueName, now);
  }

  /**
   * Brings back what was written by a clock that was set back since: a delay or a lease goes on with the time that it
   * had left when it was written, at most.
   */
  bringBack(queueName: string, now: number): void {
    this.#statements.bringBackFree.run(queueName, now);
    this.#statements.bringBackLeased.run(queueName, now);
  }

  /** Leases the messages that have been due for longest, and returns them in that order. */
  claim({ queueName, limit, token, now, until }: Claim): ClaimedMessage[] {
    const { due, lease } = this.#statements;
    const rows = due.all(now, queueName, now, limit) as unknown as Omit<ClaimedMessage, 'token'>[];
    return rows.map((row) => {
      lease.run(token, until, now, row.firstSeenAt, row.deliveries, row.id);
      // Not `row` itself: the driver's objects are slow to read.
      return {
        id: row.id,
        token,
        messageId: row.messageId,
        body: row.body,
        headers: row.headers,
        attempt: row.attempt,
        crashes: row.crashes,
        deliveries: row.deliveries,
        enqueuedAt: row.enqueuedAt,
        firstSeenAt: row.firstSeenAt,
        replyTo: row.replyTo,
        correlationId: row.correlationId,
      };
    });
  }

  // Each of these returns whether the lease was still held; if not, nothing has changed.

  /** Keeps the message until `until`. */
  renew({ id, token }: Lease, { now, until }: Pick<Claim, 'now' | 'until'>): boolean {
    return this.#statements.renew.run(id, token, until, now).changes === 1;
  }

  /** Returns the message to its place in the queue. */
  requeue({ id, token }: Lease, now: number): boolean {
    return this.#statements.requeue.run(id, token, now).changes === 1;
  }

  /** Deletes the message. */
  remove({ id, token }: Lease): boolean {
    if (this.#statements.remove.run(id, token).changes === 0) return false;
    this.#statements.removeContent.run(id);
    return true;
  }

  /** Makes the message due for its next attempt at `dueAt`, behind all that is due earlier. */
  postpone({ id, token }: Lease, { now, dueAt }: { now: number; dueAt: number }): boolean {
    return this.#statements.postpone.run(dueAt, now, id, token).changes === 1;
  }

  /** Moves the message to the dead-letter queue; there it is a message like any other. */
  deadLetter({ id, token }: Lease, { queueName, headers, now }: DeadLetter): boolean {
    if (this.#statements.deadLetter.run(queueName, now, now, id, token).changes === 0) return false;
    this.#statements.replaceHeaders.run(headers, id);
    this.addQueue(queueName);
    return true;
  }

  /**
   * When the next message of the queue can be claimed: in the past if one can be now, undefined if there is none.
   *
   * @param expireFrom when leases may expire at the earliest
   */
  nextClaimAt(queueName: string, expireFrom: number): number | undefined {
    const due = this.#statements.firstDue.get(queueName)?.['at'] as number | null;
    const expiry = this.#statements.firstExpiry.get(queueName)?.['at'] as number | null;
    if (expiry === null) return due ?? undefined;
    return Math.min(due ?? Infinity, Math.max(expiry, expireFrom));
  }

  /** The newest messages of the queue that nobody has leased, oldest first. */
  newest(queueName: string, limit: number): StoredMessage[] {
    const rows = this.#statements.newest.all(queueName, limit) as unknown as (ContentRow & MessageRow)[];
    return rows.reverse().map(({ message_id, headers, body }) => ({ messageId: message_id, headers, body }));
  }

  /** How many messages of the queue nobody has leased. */
  count(queueName: string, now: number): number {
    const free = this.#statements.countFree.get(queueName)?.['n'];
    const expired = this.#statements.countExpired.get(queueName, now)?.['n'];
    return Number(free) + Number(expired);
  }
}
