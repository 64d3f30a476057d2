// Hosts that are killed, and full disks: no accepted message is lost.
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { browseFile, newPath, withFile } from './file.ts';
import { startChild, startChildOnSmallDisk, type ChildHost } from './host.ts';
import { collect, keepLog, open, type LogLine } from './opened.ts';

/** The ids in the output of hosts: `sent <id>`, `got <id>`, `done <id>`. */
function idsSaid(hosts: readonly ChildHost[], word: string): string[] {
  return hosts.flatMap(({ lines }) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(' ')[1]!),
  );
}

describe('A host killed with SIGKILL', () => {
  it('loses no message whose sending it has confirmed', async () => {
    const path = newPath();
    const hosts: ChildHost[] = [];
    for (let round = 1; round <= 6; round += 1) {
      const host = startChild('send', path, 'orders');
      hosts.push(host);
      await host.waitFor('sent', round * 7);
      await host.kill();
    }
    const kept = browseFile(path, 'orders').map(({ messageId }) => messageId);
    expect(kept).toEqual(expect.arrayContaining(idsSaid(hosts, 'sent')));
    expect(new Set(kept).size).toBe(kept.length);
    expect(withFile(path, (handle) => handle.prepare('PRAGMA integrity_check').get())).toEqual({
      integrity_check: 'ok',
    });
  });

  it('loses no message that it has received, and gets none again that it has settled', async () => {
    const path = newPath();
    const consumers: ChildHost[] = [];
    const senders: ChildHost[] = [];
    for (let round = 1; round <= 6; round += 1) {
      const sender = startChild('send', path, 'orders');
      const consumer = startChild('consume', path, 'orders');
      senders.push(sender);
      consumers.push(consumer);
      await consumer.waitFor('done', round * 7);
      await Promise.all([sender.kill(), consumer.kill()]);
    }
    const last = startChild('consume', path, 'orders');
    const counting = await open({ path });
    await vi.waitFor(
      async () => {
        expect(await counting.countMessages('orders', [])).toBe(0);
        const held = withFile(path, (handle) => handle.prepare('SELECT count(*) AS n FROM message').get());
        expect(held).toEqual({ n: 0 });
      },
      { timeout: 20_000, interval: 20 },
    );
    await last.kill();
    consumers.push(last);
    expect(new Set(idsSaid(consumers, 'got'))).toEqual(
      new Set([...idsSaid(consumers, 'got'), ...idsSaid(senders, 'sent')]),
    );
    consumers.forEach((consumer, index) => {
      const later = new Set(idsSaid(consumers.slice(index + 1), 'got'));
      expect(idsSaid([consumer], 'done').filter((id) => later.has(id))).toEqual([]);
    });
  });

  it('leaves its message to the next host, which sees the crash', async () => {
    const path = newPath();
    const adapter = await open({ path });
    await adapter.ensureQueue('orders');
    await adapter.sendMessage('orders', new Uint8Array(1), { messageId: 'id-1' });
    for (const crashes of [0, 1, 2]) {
      const host = startChild('hold', path, 'orders');
      expect(await host.waitFor('got')).toEqual([`got id-1 1.${crashes}`]);
      await host.kill();
    }
  });
});

describe('A full disk', () => {
  it('refuses messages that do not fit, keeps those accepted, and delays outcomes until there is room', async () => {
    const path = newPath();
    const host = startChildOnSmallDisk(1024 * 1024, 'fill', path, 'orders');
    const [refused] = await host.waitFor('refused');
    expect(refused).toContain(`SendError: the message was not sent: reading or writing ${path} failed`);
    expect(refused).toContain('cause Error: disk I/O error');
    await host.waitFor('settling');
    await host.waitFor('log', 3);
    expect(host.lines).not.toContain('done held');

    makeRoom(path);
    await host.waitFor('done held');
    // All except the one that it has claimed next.
    const accepted = idsSaid([host], 'sent');
    expect(accepted.length).toBeGreaterThan(1);
    await vi.waitFor(() =>
      expect(browseFile(path, 'orders').map(({ messageId }) => messageId)).toEqual(accepted.slice(1)),
    );
  });

  /** Moves the write-ahead log into the database, so that the log is written from its beginning again. */
  function makeRoom(path: string): void {
    withFile(path, (handle) => {
      const result = handle.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
      expect(result).toMatchObject({ busy: 0 });
    });
  }
});

describe('A process that keeps the file locked', () => {
  it('delays sends and outcomes, and loses none', async () => {
    const path = newPath();
    const { log, lines } = keepLog();
    const adapter = await open({ path }, { log });
    await adapter.ensureQueue('orders');
    await adapter.sendMessage('orders', new Uint8Array(1), { messageId: 'id-1' });
    const { deliveries } = await collect(adapter, 'orders');
    await vi.waitUntil(() => deliveries.length === 1);

    const other = new DatabaseSync(path);
    onTestFinished(() => other.close());
    other.exec('BEGIN IMMEDIATE');
    let finished = 0;
    const settled = deliveries[0]!.settle({ kind: 'done' }).then(() => (finished += 1));
    const sent = adapter
      .sendMessage('orders', new Uint8Array(1), { messageId: 'id-2' })
      .then(() => (finished += 1));
    // By then SQLite itself has stopped waiting.
    const isWarning = ({ msg }: LogLine) => msg === 'database not writable; trying again';
    await vi.waitUntil(() => lines.some(isWarning), { timeout: 10_000 });
    expect(finished).toBe(0);
    expect(lines.find(isWarning)).toMatchObject({
      error: { message: expect.stringContaining('is locked by another process') as unknown },
    });
    other.exec('COMMIT');
    await Promise.all([settled, sent]);
    await vi.waitUntil(() => deliveries.length === 2);
    expect(deliveries[1]!.messageId).toBe('id-2');
  });
});
