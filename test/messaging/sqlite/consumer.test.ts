// Leases, attempts and the order of the embedded queue, by a clock that the test moves.
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Database } from '../../../src/messaging/sqlite/database.ts';
import { expireLeases, newPath, withFile } from './file.ts';
import { quiet, TestClock } from '../../../src/testing/clock.ts';
import { collect, done, json, keepLog, messageOf, open, retryAfter } from './opened.ts';

const leaseMs = 30_000;

/** Two hosts on one file, each with its own clock: that of a hanging host stands still. */
async function twoHosts() {
  const path = newPath();
  const clocks = [new TestClock(), new TestClock()] as const;
  const log = keepLog();
  const first = await open({ path, leaseMs }, { clock: clocks[0], log: log.log });
  const second = await open({ path, leaseMs }, { clock: clocks[1] });
  await first.ensureQueue('orders');
  return { clocks, lines: log.lines, first, second };
}

describe('A lease', () => {
  it('is renewed while the host processes the message', async () => {
    const { clocks, first, second } = await twoHosts();
    await first.sendMessage('orders', json('long'));
    const owner = await collect(first, 'orders');
    await quiet();
    const rival = await collect(second, 'orders');
    for (let i = 0; i < 50; i += 1) {
      await clocks[0].advance(leaseMs / 5);
      await clocks[1].advance(leaseMs / 5);
    }
    expect(owner.deliveries).toHaveLength(1);
    expect(rival.deliveries).toHaveLength(0);
    await owner.deliveries[0]!.settle(done);
    expect(await second.countMessages('orders', [])).toBe(0);
  });

  it('expires when the host hangs: another host gets the message, and sees the crash', async () => {
    const { clocks, first, second } = await twoHosts();
    await first.sendMessage('orders', json('rescued'));
    await collect(first, 'orders');
    await quiet();
    const rescuer = await collect(second, 'orders');
    await clocks[1].advance(leaseMs - 1);
    expect(rescuer.deliveries).toHaveLength(0);
    await clocks[1].advance(1);
    expect(rescuer.deliveries.map(messageOf)).toEqual(['rescued']);
    expect(rescuer.deliveries[0]).toMatchObject({ attempt: 1, crashes: 1 });
  });

  it.for([
    { direction: 'back', stepMs: -3_600_000 },
    { direction: 'forward', stepMs: 3_600_000 },
  ])('of a dead host lasts one lease more at most if the clock is set $direction', async ({ stepMs }) => {
    const { clocks, first, second } = await twoHosts();
    await first.sendMessage('orders', json('rescued'));
    await collect(first, 'orders');
    await quiet();
    const rescuer = await collect(second, 'orders');
    await clocks[1].advance(leaseMs / 2);
    clocks[1].step(stepMs);
    // A sender wakes the consumer, which sees the step.
    await second.sendMessage('orders', json('later'));
    await clocks[1].advance(leaseMs - 1);
    expect(rescuer.deliveries.map(messageOf)).toEqual(['later']);
    await rescuer.deliveries[0]!.settle(done);
    await clocks[1].advance(1);
    expect(rescuer.deliveries.map(messageOf)).toEqual(['later', 'rescued']);
  });

  it('of a living host is not ended by another whose clock is set forward', async () => {
    const { clocks, first, second } = await twoHosts();
    await first.sendMessage('orders', json('long'));
    const owner = await collect(first, 'orders');
    await quiet();
    const rival = await collect(second, 'orders');
    for (const clock of clocks) clock.step(3_600_000);
    await second.sendMessage('orders', json('short'));
    for (let i = 0; i < 20; i += 1) {
      await clocks[0].advance(leaseMs / 5);
      await clocks[1].advance(leaseMs / 5);
    }
    expect([...owner.deliveries, ...rival.deliveries].map(messageOf)).toEqual(['long', 'short']);
    expect(await owner.deliveries[0]!.settle(done)).toBe(true);
  });

  it('aborts the delivery if it is lost, takes no outcome, and is logged', async () => {
    const { clocks, lines, first, second } = await twoHosts();
    await first.sendMessage('orders', json('rescued'), { messageId: 'id-1' });
    const loser = await collect(first, 'orders');
    await quiet();
    const rescuer = await collect(second, 'orders');
    await clocks[1].advance(leaseMs);

    await clocks[0].advance(leaseMs);
    expect(lines).toContainEqual(
      expect.objectContaining({
        msg: 'lease lost; the message will be redelivered',
        messageId: 'id-1',
        queue: 'orders',
      }),
    );
    expect(loser.deliveries[0]!.lost.aborted).toBe(true);
    expect(await loser.deliveries[0]!.settle(done)).toBe(false);

    await rescuer.deliveries[0]!.settle(retryAfter(1000));
    expect(await first.countMessages('orders', [])).toBe(1);
  });

  it('is not reported as lost if it ended with its outcome', async () => {
    const clock = new TestClock();
    const { log, lines } = keepLog();
    const adapter = await open({ path: ':memory:', leaseMs }, { clock, log });
    const { deliveries } = await collect(adapter, 'orders');
    // Set before the lease: the renewal follows right after the outcome, in the same transaction.
    let settled: Promise<boolean> | undefined;
    clock.after(leaseMs / 3, () => void (settled = deliveries[0]!.settle(done)));
    await adapter.sendMessage('orders', json(1));
    const transaction = spyOnTransactions();
    await clock.advance(leaseMs / 3 - 1);
    expect(deliveries).toHaveLength(1);
    transaction.mockClear();
    await clock.advance(1);
    expect(transaction).toHaveBeenCalledTimes(1);
    await settled;
    expect(lines.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  });

  it('of our own is not the first to expire after the event loop was blocked', async () => {
    const clock = new TestClock();
    const adapter = await open({ path: ':memory:', leaseMs }, { clock });
    await adapter.ensureQueue('orders');
    await adapter.sendMessage('orders', json('quick'));
    await adapter.sendMessage('orders', json('slow'));
    const { deliveries } = await collect(adapter, 'orders', { concurrency: 2 });
    await quiet();
    clock.block(2 * leaseMs);
    await deliveries[0]!.settle(done);
    await clock.advance(leaseMs);
    expect(deliveries.map(messageOf)).toEqual(['quick', 'slow']);
  });

  it('ends at once, and does not count as a crash, when the connection closes', async () => {
    const { clocks, first, second } = await twoHosts();
    await first.sendMessage('orders', json('handed back'));
    await collect(first, 'orders');
    await quiet();
    await first.close();
    const heir = await collect(second, 'orders');
    await quiet();
    expect(heir.deliveries).toHaveLength(1);
    expect(heir.deliveries[0]).toMatchObject({ attempt: 1, crashes: 0 });
    expect(clocks[1].now()).toBe(new TestClock().now());
  });

  it('counts the crashes of each attempt separately', async () => {
    const path = newPath();
    const adapter = await open({ path }, { clock: new TestClock() });
    await adapter.ensureQueue('orders');
    await adapter.sendMessage('orders', json('clumsy'));
    const seen: string[] = [];
    for (const crash of [true, true, false, true]) {
      // The earlier consumers have no free slot: each holds the message that it lost.
      const { consumer, deliveries } = await collect(adapter, 'orders');
      await quiet();
      const [delivery] = deliveries;
      seen.push(`${delivery!.attempt}.${delivery!.crashes}`);
      if (crash) expireLeases(path);
      else await consumer.drain().then(() => delivery!.settle(retryAfter(0)));
    }
    expect(seen).toEqual(['1.0', '1.1', '1.2', '2.0']);
  });
});

describe('The order of a queue', () => {
  it('returns a requeued message to its place, before those sent after it', async () => {
    const adapter = await open({ path: ':memory:' }, { clock: new TestClock() });
    await adapter.ensureQueue('orders');
    for (const message of ['a', 'b']) await adapter.sendMessage('orders', json(message));
    const { deliveries } = await collect(adapter, 'orders');
    await quiet();
    await deliveries[0]!.settle({ kind: 'requeue' });
    await quiet();
    expect(deliveries.map(messageOf)).toEqual(['a', 'a']);
  });

  it('sorts delayed messages and retries by the time at which they are due', async () => {
    const clock = new TestClock();
    const adapter = await open({ path: ':memory:' }, { clock });
    await adapter.ensureQueue('orders');
    await adapter.sendMessage('orders', json('retried'));
    await adapter.sendMessage('orders', json('delayed'), { delayMs: 2000 });
    const { deliveries } = await collect(adapter, 'orders');
    await quiet();
    await deliveries[0]!.settle(retryAfter(1000));
    await clock.advance(500);
    await adapter.sendMessage('orders', json('sent later'));
    await quiet();
    expect(deliveries.map(messageOf)).toEqual(['retried', 'sent later']);
    await deliveries[1]!.settle(done);
    await clock.advance(499);
    expect(deliveries).toHaveLength(2);
    await clock.advance(1);
    expect(deliveries.map(messageOf)).toEqual(['retried', 'sent later', 'retried']);
    await deliveries[2]!.settle(done);
    await clock.advance(999);
    expect(deliveries).toHaveLength(3);
    await clock.advance(1);
    expect(messageOf(deliveries[3]!)).toBe('delayed');
  });
});

describe('A consumer that returns a message', () => {
  async function twoConsumers(otherQueue: string) {
    const adapter = await open({ path: ':memory:' }, { clock: new TestClock() });
    const first = await collect(adapter, 'orders');
    await adapter.sendMessage('orders', json(1));
    await quiet();
    const second = await collect(adapter, otherQueue);
    await quiet();
    expect(second.deliveries).toHaveLength(0);
    return { first, second };
  }

  it('passes it to another at once when it stops', async () => {
    const { first, second } = await twoConsumers('orders');
    await first.consumer.stop();
    await quiet();
    expect(second.deliveries).toHaveLength(1);
  });

  it('passes it to another at once when it is drained and requeues it', async () => {
    const { first, second } = await twoConsumers('orders');
    await first.consumer.drain();
    await first.deliveries[0]!.settle({ kind: 'requeue' });
    await quiet();
    expect(second.deliveries).toHaveLength(1);
  });

  it('passes it at once to the consumer of the dead letters', async () => {
    const { first, second } = await twoConsumers('orders_dead');
    const error = { name: 'Error', message: 'never' };
    await first.deliveries[0]!.settle({ kind: 'dead', reason: 'failed', error });
    await quiet();
    expect(second.deliveries).toHaveLength(1);
  });
});

describe('A consumer whose claim waits for the database', () => {
  it('drains without waiting for it', async () => {
    const path = newPath();
    const adapter = await open({ path }, { clock: new TestClock() });
    const { consumer, deliveries } = await collect(adapter, 'orders');
    const transaction = spyOnTransactions();
    const other = new DatabaseSync(path);
    onTestFinished(() => other.close());
    other.exec(
      "INSERT INTO message (id, queue, message_id, enqueued_at, due_at) VALUES (1, 'orders', 'id-1', 0, 0)",
    );
    other.exec('BEGIN IMMEDIATE');
    await vi.waitUntil(() => transaction.mock.results.some(({ type }) => type === 'throw'), {
      timeout: 10_000,
    });
    await consumer.drain();
    expect(deliveries).toHaveLength(0);
  });
});

describe('A message that is done', () => {
  it('leaves nothing in the file', async () => {
    const path = newPath();
    const adapter = await open({ path }, { clock: new TestClock() });
    const { deliveries } = await collect(adapter, 'orders');
    await adapter.sendMessage('orders', json(1));
    await quiet();
    await deliveries[0]!.settle(done);
    const rows = withFile(path, (handle) =>
      handle
        .prepare(
          'SELECT (SELECT count(*) FROM message) AS messages, (SELECT count(*) FROM content) AS contents',
        )
        .get(),
    );
    expect(rows).toEqual({ messages: 0, contents: 0 });
  });

  it('is not flushed to the disk before it settles, unlike a message that is sent', async () => {
    const transaction = spyOnTransactions();
    const adapter = await open({ path: newPath() }, { clock: new TestClock() });
    const { deliveries } = await collect(adapter, 'orders');
    transaction.mockClear();
    await adapter.sendMessage('orders', json(1));
    expect(transaction.mock.calls.map(([durable]) => durable)).toEqual([true]);
    await quiet();
    transaction.mockClear();
    await deliveries[0]!.settle(done);
    expect(transaction.mock.calls.map(([durable]) => durable)).toEqual([false]);
  });
});

describe('A consumer that has nothing to do', () => {
  it('sets no timer except the one that checks the file now and then', async () => {
    const clock = new TestClock();
    const adapter = await open({ path: newPath(), checkEveryMs: 5000 }, { clock });
    const { deliveries } = await collect(adapter, 'orders');
    await adapter.sendMessage('orders', json(1));
    await quiet();
    await deliveries[0]!.settle(done);
    // The last renewal finds nothing to renew.
    await clock.advance(leaseMs);
    await clock.advance(leaseMs);
    expect(clock.waits).toEqual([5000]);
  });
});

function spyOnTransactions() {
  const transaction = vi.spyOn(Database.prototype, 'transaction');
  onTestFinished(() => transaction.mockRestore());
  return transaction;
}
