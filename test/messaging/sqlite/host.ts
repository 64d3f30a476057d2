// Starts child.ts, and waits for its output.
import { spawn, type SpawnOptions } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';

const script = fileURLToPath(new URL('child.ts', import.meta.url));

/** A running child.ts. */
export interface ChildHost {
  /** Its output so far, a line each. */
  readonly lines: readonly string[];
  /** Its output on standard error. */
  readonly errors: readonly string[];
  /** Resolves when it has ended, and all its output has been read. */
  readonly exited: Promise<void>;
  /** Waits until it has printed `count` lines that begin with `start`; returns all of them. */
  waitFor(start: string, count?: number): Promise<string[]>;
  /** As the kernel does when memory runs out: no handler, no flush. */
  kill(): Promise<void>;
}

/** Starts a host in one of the roles of child.ts; it is killed when the test has finished. */
export function startChild(role: string, path: string, queue: string, options: SpawnOptions = {}): ChildHost {
  return follow(process.execPath, [script, role, path, queue], options);
}

/** The same, but the host cannot make a file larger than `limitBytes`, as if the disk were full. */
export function startChildOnSmallDisk(
  limitBytes: number,
  role: string,
  path: string,
  queue: string,
): ChildHost {
  // Node would die of the signal; without it, the write fails. The limit counts blocks of 512 bytes.
  const command = `trap '' XFSZ; ulimit -f ${limitBytes / 512}; exec "$@"`;
  return follow('/bin/sh', ['-c', command, 'sh', process.execPath, script, role, path, queue], {});
}

function follow(command: string, args: readonly string[], options: SpawnOptions): ChildHost {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  return {
    lines: lines,
    errors: errors,
    exited,
    kill,
    waitFor: (start, count = 1) =>
      vi.waitFor(
        () => {
          const found = lines.filter((line) => line.startsWith(start));
          if (found.length >= count) return found;
          throw new Error(
            `said ${found.length} of ${count} "${start}":\n${[...lines, ...errors].join('\n')}`,
          );
        },
        { timeout: 20_000, interval: 5 },
      ),
  };
}
