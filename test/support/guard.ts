// Cleans up after a test process that was killed, with a shell command that the process has supplied.
import { spawn } from 'node:child_process';

/** A small process beside this one that outlives it. */
export interface Guard {
  /** Replaces the shell command to run when this process has ended, in whatever way. */
  set(command: string): void;
  /** Nothing is left to clean up: the guard ends and does nothing. */
  dismiss(): void;
}

/**
 * Starts a guard. A test runner that is killed with -9 runs no hook, and would leave brokers and their folders behind.
 * The kernel still closes its pipes: the guard reads from one until it ends, then runs the last command that it got.
 */
export function startGuard(): Guard {
  const script = 'last=:; while IFS= read -r line; do last=$line; done; eval "$last"';
  // Detached: Ctrl-C goes to the terminal's whole process group, and must not end the guard before us.
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.unref();
  return {
    set: (command) => {
      child.stdin.write(`${command}\n`);
    },
    dismiss: () => {
      child.stdin.end(':\n');
    },
  };
}

/** `value` as one word of a shell command. */
export function quote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
