// Commits of other processes are noticed when they happen, not when a timer fires.
import { EventEmitter } from 'node:events';
import { watch, type FSWatcher } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { systemClock, type Clock } from '../../../src/clock.ts';
import { newPath, withFile } from './file.ts';
import { startChild } from './host.ts';
import { quiet, TestClock } from '../../../src/testing/clock.ts';
import { collect, done, json, keepLog, open } from './opened.ts';

vi.mock(import('node:fs'), async (importOriginal) => {
  const fs = await importOriginal();
  return { ...fs, watch: vi.fn(fs.watch) as unknown as typeof fs.watch };
});

/** Timers never fire: under this clock, only events cause anything. */
const timeless: Clock = { ...systemClock, after: () => () => undefined };

const patience = { timeout: 10_000, interval: 5 };

describe('A consumer', () => {
  it("is woken by another process's send", async () => {
    const path = newPath();
    const adapter = await open({ path }, { clock: timeless });
    const { deliveries } = await collect(adapter, 'orders', { concurrency: 10 });
    for (const count of [1, 2, 3]) {
      await startChild('once', path, 'orders').exited;
      await vi.waitUntil(() => deliveries.length === count, patience);
    }
  });

  it('is woken each time, even after the log was emptied and started again', async () => {
    const path = newPath();
    const adapter = await open({ path }, { clock: timeless });
    const sender = await open({ path });
    const { deliveries } = await collect(adapter, 'orders');
    for (let count = 1; count <= 30; count += 1) {
      await sender.sendMessage('orders', json(count));
      await vi.waitUntil(() => deliveries.length === count, patience);
      await deliveries.at(-1)!.settle(done);
      if (count % 10 === 0) withFile(path, (handle) => handle.exec('PRAGMA wal_checkpoint(TRUNCATE)'));
    }
    expect(deliveries).toHaveLength(30);
  });

  it('is woken by a message that another connection requeues', async () => {
    const path = newPath();
    const owner = await open({ path });
    const { deliveries: owned } = await collect(owner, 'orders');
    await owner.sendMessage('orders', json(1));
    await vi.waitUntil(() => owned.length === 1, patience);
    const adapter = await open({ path }, { clock: timeless });
    const { deliveries } = await collect(adapter, 'orders');
    await quiet();
    expect(deliveries).toHaveLength(0);
    await owner.close();
    await vi.waitUntil(() => deliveries.length === 1, patience);
  });

  it('checks now and then if the file system reports nothing', async () => {
    vi.mocked(watch).mockImplementationOnce(() => silentWatcher());
    const path = newPath();
    const clock = new TestClock();
    const adapter = await open({ path, checkEveryMs: 5000 }, { clock });
    const sender = await open({ path }, { clock });
    const { deliveries } = await collect(adapter, 'orders');
    await sender.sendMessage('orders', json(1));
    await clock.advance(4999);
    expect(deliveries).toHaveLength(0);
    await clock.advance(1);
    expect(deliveries).toHaveLength(1);
  });

  it('checks more often, and says so, if files cannot be watched', async () => {
    vi.mocked(watch).mockImplementationOnce(() => {
      throw new Error('System limit for number of file watchers reached');
    });
    const path = newPath();
    const clock = new TestClock();
    const { log, lines } = keepLog();
    const adapter = await open({ path, checkEveryMs: Infinity }, { clock, log });
    const sender = await open({ path }, { clock });
    const { deliveries } = await collect(adapter, 'orders');
    expect(lines).toContainEqual(
      expect.objectContaining({
        msg: 'cannot watch the file; checking it from time to time',
        checkEveryMs: 500,
      }),
    );
    await sender.sendMessage('orders', json(1));
    await clock.advance(500);
    expect(deliveries).toHaveLength(1);
  });
});

/** A file system that reports nothing. */
function silentWatcher(): FSWatcher {
  return Object.assign(new EventEmitter(), { close: () => undefined }) as unknown as FSWatcher;
}
