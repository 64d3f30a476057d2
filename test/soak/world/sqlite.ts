// The embedded queue: its file is locked, and its disk is full. The disk is a file system of its own, which needs root.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteConnection } from '../../../src/messaging/sqlite/connection.ts';
import { browseFile } from '../../messaging/sqlite/file.ts';
import { mustRun } from '../../support/command.ts';
import { testContext } from '../../support/context.ts';
import type { Fault } from '../plan.ts';
import { between, type World } from '../world.ts';

const diskMiB = 64;

/** A new file. */
export async function sqliteWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'svchost-soak-disk-'));
  const hasDisk = await mount(folder);
  const file = join(folder, 'queue.db');
  const env = { MESSAGING_TYPE: 'SqliteConnection', SQLITE_PATH: file };
  const faults: Fault[] = [{ name: 'file locked', lastsMs: [500, 9000], begin: () => lock(file) }];
  if (hasDisk) {
    const filler = join(folder, 'filler');
    faults.push({
      name: 'disk full',
      lastsMs: [500, 9000],
      begin: between(
        () => fill(filler),
        () => rmSync(filler, { force: true }),
      ),
    });
  }
  return {
    name: 'sqlite',
    description: `SQLite, ${hasDisk ? `on a disk of ${diskMiB} MiB` : 'without a disk of its own'}`,
    env,
    senderEnv: env,
    faults,
    adapter: () => new SqliteConnection({ path: file }, testContext()),
    browse: (queueName) => Promise.resolve(browseFile(file, queueName)),
    async [Symbol.asyncDispose]() {
      if (hasDisk) await mustRun('umount', [folder]);
      rmSync(folder, { recursive: true });
    },
  };
}

/** Whether it could be done. */
async function mount(folder: string): Promise<boolean> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    await mustRun('mount', ['-t', 'tmpfs', '-o', `size=${diskMiB}m`, 'tmpfs', folder]);
    return true;
  } catch {
    // Containers may not mount.
    return false;
  }
}

/** As an operator's shell does in the middle of a transaction. */
function lock(file: string): Promise<() => void> {
  const handle = new DatabaseSync(file, { timeout: 5000 });
  handle.exec('BEGIN IMMEDIATE');
  return Promise.resolve(() => {
    handle.exec('ROLLBACK');
    handle.close();
  });
}

function fill(filler: string): void {
  // Smaller and smaller pieces: a write that does not fit whole is refused whole by some file systems.
  for (const size of [2 ** 20, 2 ** 12]) {
    try {
      for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}
