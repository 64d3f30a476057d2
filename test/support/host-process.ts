// The built `svchost` as a separate process, as users run it: starts it, reads its output, and ends it.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import { runCommand, type CommandResult } from './command.ts';

/** The built executable. */
export const bin = fileURLToPath(new URL('../../dist/bin.js', import.meta.url));

/** One line of the host's JSON log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** Options of a host. */
export interface HostOptions {
  /** The service directory. */
  readonly cwd: string;
  /**
   * Its whole environment, except PATH and HOME: none of the parent's RABBITMQ_*, AWS_* or CRON_* gets in by accident.
   */
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** The script to run; default: `dist/bin.js`. */
  readonly bin?: string;
  /** Whether its standard input can be typed into; default: it has none. */
  readonly hasInput?: boolean;
}

/** How a host ended. */
export interface HostExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running host; disposing of it kills it. */
export interface HostProcess extends AsyncDisposable {
  readonly pid: number;
  /** All lines of standard output that are JSON objects, oldest first; grows while the host runs. */
  readonly lines: readonly LogLine[];
  /** Resolves when it has ended and all its output has been read. */
  readonly exited: Promise<HostExit>;
  /**
   * The first line, already written or to come, whose `msg` contains the text or that the predicate accepts. Rejects
   * with the output after `timeoutMs` (default 20 s) and when the host ends without it.
   */
  waitForLine(wanted: string | ((line: LogLine) => boolean), timeoutMs?: number): Promise<LogLine>;
  /** Types a line into its standard input. */
  type(line: string): void;
  /** Ends its standard input. */
  endInput(): void;
  /** Sends a signal to the host, if it still runs. */
  signal(signal: NodeJS.Signals): void;
  /** Its output so far: standard output and standard error, as they arrived. */
  output(): string;
}

/** Starts a host. Inside a test it is killed after the test; from a hook, dispose of it or signal it there. */
export function startHost(options: HostOptions): HostProcess {
  const { cwd, env = {}, args = [], bin: script = bin, hasInput = false } = options;
  const child = spawn(process.execPath, [script, ...args], {
    cwd,
    env: cleanEnvironment(env),
    stdio: [hasInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  }) as ChildProcessByStdio<Writable | null, Readable, Readable>;
  const lines: LogLine[] = [];
  let output = '';
  const seen = new EventTarget();
  for (const stream of [child.stdout, child.stderr]) {
    // Decoded by the stream: a chunk may end in the middle of a character.
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = parseLine(text);
    if (line === undefined) return;
    lines.push(line);
    seen.dispatchEvent(new Event('line'));
  });
  let exit: HostExit | undefined;
  // Not `exit`: the last lines may still be in the pipe then.
  const exited = new Promise<HostExit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      exit = { code, signal };
      resolve(exit);
      seen.dispatchEvent(new Event('exit'));
    });
  });
  exited.catch(() => undefined);

  /** By its process id, and only while that is still the child's. */
  const signal = (name: NodeJS.Signals) => void child.kill(name);
  const kill = async () => {
    signal('SIGKILL');
    await exited;
  };
  killAtTestEnd(kill);
  return {
    pid: child.pid ?? -1,
    lines,
    exited,
    type: (line) => void child.stdin?.write(`${line}\n`),
    endInput: () => void child.stdin?.end(),
    signal,
    output: () => output,
    waitForLine: (wanted, timeoutMs = 20_000) => {
      const matches =
        typeof wanted === 'string' ? (line: LogLine) => messageOf(line).includes(wanted) : wanted;
      return new Promise((resolve, reject) => {
        const settle = (act: () => void) => {
          clearTimeout(timer);
          seen.removeEventListener('line', check);
          seen.removeEventListener('exit', check);
          act();
        };
        const fail = (what: string) =>
          settle(() =>
            reject(new Error(`${what} without the line (${describe(wanted)}); it wrote:\n${output}`)),
          );
        const timer = setTimeout(() => fail(`The host went on for ${timeoutMs} ms`), timeoutMs);
        const check = () => {
          const line = lines.find(matches);
          if (line !== undefined) settle(() => resolve(line));
          else if (exit !== undefined) fail(`The host ended with ${exit.signal ?? exit.code ?? '-'}`);
        };
        seen.addEventListener('line', check);
        seen.addEventListener('exit', check);
        check();
      });
    },
    [Symbol.asyncDispose]: kill,
  };
}

/** Options of a command. */
export interface CliOptions {
  readonly cwd: string;
  /** Its whole environment, except PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its standard input. */
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** Runs a command of the built `svchost` that ends by itself. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CommandResult> {
  const { env = {}, ...others } = options;
  return await runCommand(process.execPath, [bin, ...args], { ...others, env: cleanEnvironment(env) });
}

/** An environment of these variables alone, except PATH and HOME. */
export function cleanEnvironment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: process.env.HOME, ...env };
}

function parseLine(text: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as LogLine)
      : undefined;
  } catch {
    // Lines of the user's own console.log are not log lines; they are in `output`.
    return undefined;
  }
}

function messageOf(line: LogLine): string {
  return typeof line['msg'] === 'string' ? line['msg'] : '';
}

function describe(wanted: string | ((line: LogLine) => boolean)): string {
  return typeof wanted === 'string' ? JSON.stringify(wanted) : wanted.toString();
}

function killAtTestEnd(kill: () => Promise<void>): void {
  try {
    onTestFinished(kill);
  } catch {
    // Started outside a test, for example in a hook: the caller disposes of it.
  }
}

/** Sends a signal again and again, like an impatient operator. Resolves when the host has ended. */
export async function insist(host: HostProcess, signal: NodeJS.Signals): Promise<void> {
  let hasEnded = false;
  void host.exited.then(() => (hasEnded = true));
  await vi.waitUntil(
    () => {
      host.signal(signal);
      return hasEnded;
    },
    { timeout: 10_000, interval: 100 },
  );
}
