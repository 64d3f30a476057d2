// The crash journal of brokers that have none of their own: a file for each message that runs alone, one byte for each
// start. Found again by the next host on this machine, which is what restarts after a crash.
import { createHash } from 'node:crypto';
import { lstat, mkdir, open, rm, stat } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import type { CrashJournal } from '../../messaging/capability.ts';

/** What was not ended within this time, in milliseconds, is forgotten. */
const memoryMs = 24 * 3_600_000;

/** Where the files are, readable by their owner only. */
export function journalDirectory(): string {
  return path.join(tmpdir(), `svchost-crashes-${userInfo().uid}`);
}

/** A crash journal in a directory. Durable across the death of processes; the machine may forget it. */
export class DiskJournal implements CrashJournal {
  readonly #directory: string;

  constructor(directory = journalDirectory()) {
    this.#directory = directory;
  }

  async noteStart(queueName: string, identity: string): Promise<number> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await this.#assertOurs();
    const file = this.#path(queueName, identity);
    if (await isForgotten(file)) await rm(file, { force: true });
    const handle = await open(file, 'a', 0o600);
    try {
      const { size } = await handle.stat();
      await handle.write('.');
      return size;
    } finally {
      await handle.close();
    }
  }

  async noteEnd(queueName: string, identity: string): Promise<void> {
    await rm(this.#path(queueName, identity), { force: true });
  }

  /** Others may write to the directory for temporary files as well. */
  async #assertOurs(): Promise<void> {
    const found = await lstat(this.#directory);
    if (!found.isDirectory() || found.uid !== userInfo().uid) {
      throw new Error(`${this.#directory} is not a directory of this user; delete it`);
    }
  }

  #path(queueName: string, identity: string): string {
    return path.join(this.#directory, createHash('sha256').update(`${queueName}\n${identity}`).digest('hex'));
  }
}

async function isForgotten(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > memoryMs;
}
