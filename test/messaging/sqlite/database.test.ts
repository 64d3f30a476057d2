// The file itself: its creation, the files that are refused, and its disappearance.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { BrokerRefusedError } from '../../../src/errors.ts';
import { browseFile, newPath, withFile } from './file.ts';
import { startChild } from './host.ts';
import { collect, json, keepLog, open } from './opened.ts';

/** The error of opening the file. */
async function refusalOf(path: string): Promise<Error> {
  const error: unknown = await open({ path }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(BrokerRefusedError);
  expect((error as Error).message).toContain(path);
  return error as Error;
}

describe('A new file', () => {
  it('is created with its directory, and only its owner may read any part of it', async () => {
    const path = join(dirname(newPath()), 'deep', '.svchost', 'queue.db');
    const adapter = await open({ path });
    await adapter.ensureQueue('orders');
    const modes = [path, `${path}-wal`, `${path}-shm`].map((file) =>
      (statSync(file).mode & 0o777).toString(8),
    );
    expect(modes).toEqual(['600', '600', '600']);
    expect((statSync(dirname(path)).mode & 0o777).toString(8)).toBe('700');
    expect(adapter.address).toBe(`sqlite:${path}`);
  });

  it('can be opened by several processes at once', async () => {
    const path = newPath();
    const hosts = Array.from({ length: 6 }, () => startChild('once', path, 'orders'));
    await Promise.all(hosts.map(({ exited }) => exited));
    expect(hosts.flatMap(({ lines }) => lines).filter((line) => line.startsWith('rejected'))).toEqual([]);
    expect(browseFile(path, 'orders')).toHaveLength(6);
  });

  it("is opened without Node's warning that SQLite is experimental", async () => {
    const host = startChild('once', newPath(), 'orders');
    await host.exited;
    expect(host.errors).toEqual([]);
  });
});

describe('A file that is refused', () => {
  it('is a directory', async () => {
    const path = newPath();
    mkdirSync(path);
    expect((await refusalOf(path)).message).toContain('is a directory; set SQLITE_PATH to a file');
  });

  it('lies where no directory can be created', async () => {
    const file = newPath();
    writeFileSync(file, '');
    expect((await refusalOf(join(file, 'queue.db'))).message).toContain('set SQLITE_PATH');
  });

  it.for([
    ['short', 'hello'],
    ['long', 'hello '.repeat(10_000)],
  ])('is not SQLite: a %s text', async ([, text]) => {
    const path = newPath();
    writeFileSync(path, text!);
    expect((await refusalOf(path)).message).toContain(
      'is not a SQLite file; set SQLITE_PATH to another file',
    );
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it("is another program's database, which stays as it was", async () => {
    const path = newPath();
    withFile(path, (handle) => handle.exec('CREATE TABLE recipe (name TEXT)'));
    const before = readFileSync(path);
    expect((await refusalOf(path)).message).toContain('is a database of another program');
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it.for([
    { version: 1, lacks: ['deliveries', 'reply_to', 'correlation_id', 'written_at'] },
    { version: 2, lacks: ['written_at'] },
  ])('a file of version $version is upgraded, with its messages', async ({ version, lacks }) => {
    const path = newPath();
    const first = await open({ path });
    await first.ensureQueue('orders');
    await first.sendMessage('orders', Buffer.from('1'), { messageId: 'old' });
    await first.close();
    withFile(path, (handle) => {
      for (const column of lacks) handle.exec(`ALTER TABLE message DROP COLUMN ${column}`);
      handle.exec(`PRAGMA user_version = ${version}`);
    });
    const { deliveries } = await collect(await open({ path }), 'orders');
    await vi.waitFor(() => expect(deliveries).toHaveLength(1));
    expect(deliveries[0]).toMatchObject({ messageId: 'old', redelivered: false, replyTo: undefined });
  });

  it('is of a newer svchost', async () => {
    const path = newPath();
    await (await open({ path })).close();
    withFile(path, (handle) => handle.exec('PRAGMA user_version = 99'));
    expect((await refusalOf(path)).message).toContain('newer svchost (schema 99, this one knows 3); update');
  });

  it('is not writable by this user', async () => {
    const path = newPath();
    await (await open({ path })).close();
    chmodSync(path, 0o444);
    chmodSync(dirname(path), 0o755);
    // Root may write everything, so the child runs as nobody.
    const host = startChild(
      'once',
      path,
      'orders',
      process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {},
    );
    const [rejected] = await host.waitFor('rejected');
    expect(rejected).toContain(`BrokerRefusedError: ${path} cannot be written`);
  });

  it('may be in a directory that is not writable by this user', async () => {
    const path = newPath();
    chmodSync(dirname(path), 0o555);
    const host = startChild(
      'once',
      path,
      'orders',
      process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {},
    );
    const [rejected] = await host.waitFor('rejected');
    expect(rejected).toContain(`BrokerRefusedError: ${path} cannot be created (EACCES)`);
  });
});

describe('A file that disappears while it is open', () => {
  it('ends the consumers with an error, without waiting for a message', async () => {
    const path = newPath();
    const { log, lines } = keepLog();
    const adapter = await open({ path, checkEveryMs: 20 }, { log });
    const { failures } = await collect(adapter, 'orders');
    rmSync(path);
    await vi.waitUntil(() => failures.length > 0, { timeout: 10_000 });
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBeInstanceOf(BrokerRefusedError);
    expect(failures[0]!.message).toContain(`${path} was deleted, moved or replaced`);
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'connection lost', broker: `sqlite:${path}` }),
    );
  });

  it('ends them as well if only its log is deleted', async () => {
    const path = newPath();
    const adapter = await open({ path, checkEveryMs: Infinity });
    const { failures } = await collect(adapter, 'orders');
    rmSync(`${path}-wal`);
    await vi.waitUntil(() => failures.length > 0, { timeout: 10_000 });
    expect(failures[0]).toBeInstanceOf(BrokerRefusedError);
  });

  it('accepts no more messages, which would be lost', async () => {
    const path = newPath();
    const adapter = await open({ path, checkEveryMs: Infinity });
    await adapter.ensureQueue('orders');
    renameSync(path, `${path}.old`);
    await expect(adapter.sendMessage('orders', json(1))).rejects.toMatchObject({
      queueName: 'orders',
      message: expect.stringContaining(`${path} was deleted, moved or replaced`) as string,
      cause: expect.any(BrokerRefusedError) as unknown,
    });
    await expect(adapter.countMessages('orders', [])).rejects.toBeInstanceOf(BrokerRefusedError);
  });
});
