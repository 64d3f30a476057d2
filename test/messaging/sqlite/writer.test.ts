// Writes that arrive together share a transaction; and failed commits.
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BrokerRefusedError } from '../../../src/errors.ts';
import { Database } from '../../../src/messaging/sqlite/database.ts';
import { Writer } from '../../../src/messaging/sqlite/writer.ts';
import { newPath, withFile } from './file.ts';
import { quiet, TestClock } from '../../../src/testing/clock.ts';
import { keepLog } from './opened.ts';

function startWriter(path = newPath()) {
  const database = new Database(path);
  onTestFinished(() => database.close());
  database.handle.exec('CREATE TABLE note (bytes BLOB NOT NULL CHECK (length(bytes) > 0)) STRICT');
  const insert = database.handle.prepare('INSERT INTO note VALUES (?)');
  const clock = new TestClock();
  const { log, lines } = keepLog();
  const woken: string[][] = [];
  const failures: Error[] = [];
  const writer = new Writer({
    database,
    clock,
    log,
    onWake: (queueNames) => woken.push([...queueNames]),
    onFailure: (error) => failures.push(error),
  });
  const note = (size: number, keepTrying: (error: unknown) => boolean = () => false) =>
    writer.write({ run: () => insert.run(new Uint8Array(size)).changes, keepTrying });
  const count = () => database.handle.prepare('SELECT count(*) AS n FROM note').get()?.['n'];
  return { path, database, clock, lines, woken, failures, writer, note, count };
}

/** Lets the file grow by only that many pages, as if the disk were full then. */
function limitDisk(database: Database, morePages: number): void {
  const pages = Number(database.handle.prepare('PRAGMA page_count').get()?.['page_count']);
  database.handle.exec(`PRAGMA max_page_count = ${pages + morePages}`);
}

const statuses = async (promises: Promise<unknown>[]) =>
  (await Promise.allSettled(promises)).map(({ status }) => status);

describe('A writer', () => {
  it('commits the writes of one turn in one transaction', async () => {
    const { database, note, count } = startWriter();
    const transaction = vi.spyOn(database, 'transaction');
    await Promise.all(Array.from({ length: 100 }, () => note(1)));
    expect(transaction).toHaveBeenCalledTimes(1);
    expect(count()).toBe(100);
  });

  it('waits for the disk for writes that must survive a power failure, and not for those that may be repeated', async () => {
    const { database, writer } = startWriter();
    // Prepared again each time: SQLite reads this pragma when it is prepared.
    const level = () => database.handle.prepare('PRAGMA synchronous').get()?.['synchronous'];
    const write = (durable: boolean) => writer.write({ run: level, keepTrying: () => false, durable });
    const [normal, full] = [1, 2];
    expect(await Promise.all([write(false), write(false)])).toEqual([normal, normal]);
    expect(await Promise.all([write(false), write(true)])).toEqual([full, full]);
    expect(await write(false)).toBe(normal);
  });

  it('resolves a write only once others can see it', async () => {
    const { path, note } = startWriter();
    await note(1);
    expect(withFile(path, (handle) => handle.prepare('SELECT count(*) AS n FROM note').get())).toEqual({
      n: 1,
    });
  });

  it('rejects the one write that fails by its own fault, and commits its neighbours', async () => {
    const { note, count } = startWriter();
    expect(await statuses([note(1), note(0), note(1)])).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(count()).toBe(2);
  });

  it('rolls back a write that fails halfway', async () => {
    const { writer, database, note, count } = startWriter();
    const insert = database.handle.prepare('INSERT INTO note VALUES (?)');
    const halfway = writer.write({
      run: () => [1, 0].map((size) => insert.run(new Uint8Array(size))),
      keepTrying: () => true,
    });
    expect(await statuses([note(1), halfway, note(1)])).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(count()).toBe(2);
  });

  it('rejects the one write that does not fit on the disk, and commits its neighbours', async () => {
    const { database, note, count } = startWriter();
    limitDisk(database, 10);
    const writes = [note(1), note(1), note(100_000), note(1), note(1)];
    expect(await statuses(writes)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(count()).toBe(4);
  });

  it('tries a patient write again until the disk has room, and warns at a falling rate', async () => {
    const { database, clock, lines, note, count } = startWriter();
    limitDisk(database, 1);
    const written = note(100_000, () => true);
    let finished = false;
    void written.then(() => (finished = true));
    await quiet();
    await clock.advance(60_000);
    expect(finished).toBe(false);
    const warnings = lines.filter(({ msg }) => msg === 'database not writable; trying again');
    expect(warnings.map(({ failures }) => failures)).toEqual([1, 2, 4, 8, 16, 32]);
    expect(warnings[0]).toMatchObject({
      error: { message: expect.stringContaining('is full; free some space') as unknown },
    });

    limitDisk(database, 1000);
    await clock.advance(2000);
    await written;
    expect(count()).toBe(1);
  });

  it('keeps the order of patient writes through failures, and lets others try at once', async () => {
    const { database, clock, writer, note } = startWriter();
    limitDisk(database, 5);
    const order: string[] = [];
    const first = note(100_000, () => true).then(() => order.push('first'));
    await quiet();
    const second = writer
      .write({ run: () => undefined, keepTrying: () => true })
      .then(() => order.push('second'));
    await note(1).then(() => order.push('impatient'));
    limitDisk(database, 1000);
    await clock.advance(2000);
    await Promise.all([first, second]);
    expect(order).toEqual(['impatient', 'first', 'second']);
  });

  it('waits without blocking for another process that holds the file, for as long as the write allows', async () => {
    const { path, clock, note, count } = startWriter();
    const other = new DatabaseSync(path);
    onTestFinished(() => other.close());
    other.exec('BEGIN IMMEDIATE');
    const patient = note(1, () => true);
    await expect(note(1)).rejects.toMatchObject({ message: 'database is locked' });
    other.exec('COMMIT');
    await clock.advance(2000);
    await patient;
    expect(count()).toBe(1);
  });

  it('reports the queues with new messages, after the commit, each once', async () => {
    const { writer, woken } = startWriter();
    const wake = (queueName: string) =>
      writer.write({ run: () => 1, keepTrying: () => false, wakes: queueName });
    await Promise.all([wake('a'), wake('b'), wake('a')]);
    await writer.write({ run: () => 1, keepTrying: () => false });
    expect(woken).toEqual([['a', 'b']]);
  });

  it('completes waiting writes when it is closed, and rejects later ones', async () => {
    const { writer, note, count } = startWriter();
    const last = note(1);
    writer.close(new Error('closed'));
    await last;
    await expect(note(1)).rejects.toThrow('closed');
    expect(count()).toBe(1);
  });

  it('rejects writes that still fail when it is closed', async () => {
    const { database, writer, note } = startWriter();
    limitDisk(database, 1);
    const patient = note(100_000, () => true);
    await quiet();
    writer.close(new Error('closed'));
    await expect(patient).rejects.toMatchObject({ message: 'database or disk is full' });
  });

  it('ends with an error when the tables are gone', async () => {
    const { database, failures, note } = startWriter();
    database.handle.exec('DROP TABLE note');
    await expect(note(1, () => true)).rejects.toBeInstanceOf(BrokerRefusedError);
    await expect(note(1)).rejects.toBeInstanceOf(BrokerRefusedError);
    expect(failures).toHaveLength(1);
  });
});
