// A reader's terminal: runs commands in a directory, and keeps hosts running beside them. Manages the processes and
// their output; knows nothing of pages.
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { runCommand } from '../support/command.ts';
import { literal } from './pattern.ts';

/** How long a host may take to start, to process the messages sent to it, and to end. */
const patienceMs = 30_000;

/** pino's number of the level `error`. */
const errorLevel = 50;

const levelNames: Readonly<Record<number, string>> = {
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};

interface HostLine {
  readonly level: number;
  readonly pid: number;
  readonly name: string;
  readonly msg: string;
  readonly queue?: string;
}

/** A command that runs until it is stopped. */
interface Running {
  readonly command: string;
  readonly lines: HostLine[];
  readonly exited: Promise<number | null>;
  hasEnded: boolean;
}

/** One terminal, in one directory at a time. */
export class Terminal {
  readonly #env: NodeJS.ProcessEnv;
  readonly #hosts: Running[] = [];
  readonly #killers: (() => Promise<void>)[] = [];
  readonly #seen = new EventEmitter();
  /** All output since the last `stop`, as people see it. */
  #output: string[] = [];
  #errors: string[] = [];
  /** The number of messages sent to each queue since the last `stop`. */
  readonly #sent = new Map<string, number>();

  constructor(env: NodeJS.ProcessEnv) {
    // JSON even if standard output is a terminal: the lines are parsed.
    this.#env = { ...env, LOG_FORMAT: 'json', LOG_LEVEL: 'debug' };
    this.#seen.setMaxListeners(0);
  }

  /** Runs a command that ends by itself. */
  async run(command: string, cwd: string, expectedCode = 0): Promise<void> {
    const { code, stdout, stderr } = await runCommand('/bin/sh', ['-c', command], { cwd, env: this.#env });
    for (const line of `${stdout}\n${stderr}`.split('\n')) this.#read(line);
    if (code !== expectedCode) {
      throw new Error(
        `"${command}" ended with ${code ?? 'a signal'}, not ${expectedCode}:\n${stdout}${stderr}`,
      );
    }
    for (const [, count, queue] of stdout.matchAll(/^sent (\d+) messages? to (.+)$/gm)) {
      this.#sent.set(queue!, (this.#sent.get(queue!) ?? 0) + Number(count));
    }
  }

  /** Starts a host; resolves once it waits for messages or for its next run. */
  async start(command: string, cwd: string): Promise<void> {
    // In its own process group, which is killed as a whole if a test fails.
    const child = spawn('/bin/sh', ['-c', command], {
      cwd,
      env: this.#env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = once(child, 'close').then(([code]) => code as number | null);
    const host: Running = { command, lines: [], exited, hasEnded: false };
    this.#hosts.push(host);
    void exited.then(() => {
      host.hasEnded = true;
      this.#seen.emit('change');
    });
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = this.#read(text);
      if (line) host.lines.push(line);
    });
    createInterface({ input: child.stderr }).on('line', (text) => this.#read(text));
    this.#killers.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      process.kill(-child.pid!, 'SIGKILL');
      await exited;
    });
    const isReady = ({ msg }: HostLine) => msg.startsWith('consuming queue') || msg.includes('; next run at');
    await this.#until(() => host.lines.some(isReady), `"${command}" to be ready`, host);
  }

  /** Waits until each line has been written; `…` in a line stands for any text. */
  async expectOutput(expected: readonly string[]): Promise<void> {
    for (const line of expected) {
      const pattern = patternOf(line);
      const isWritten = () => this.#output.some((written) => pattern.test(written));
      // If nothing runs, nothing more will be written.
      if (this.#hosts.length > 0) await this.#until(isWritten, `the line "${line}"`);
      else if (!isWritten()) throw new Error(`nothing has written the line "${line}":\n${this.#all()}`);
    }
  }

  /**
   * Waits until the hosts have processed the messages sent to their queues, then ends them as an orchestrator does.
   * Each must end with 0, and must have logged no unexpected error.
   */
  async stop(expected: readonly string[]): Promise<void> {
    for (const [queue, count] of this.#sent) {
      if (!this.#hosts.some(({ lines }) => lines.some(({ msg }) => msg === `consuming queue ${queue}`)))
        continue;
      await this.#until(
        () => this.#ended(queue) >= count,
        `${count} messages of queue ${queue} to be processed`,
      );
    }
    for (const { command, lines, exited } of this.#hosts.splice(0)) {
      // The host itself: npx does not forward SIGTERM to its child. `svchost dev` writes first, and ends its host.
      const { pid, name } = lines[0]!;
      const hasStopped = name === 'svchost' && lines.some(({ msg }) => msg === 'stopped');
      if (!hasStopped) process.kill(pid, 'SIGTERM');
      const code = await exited;
      if (code !== 0)
        throw new Error(`"${command}" ended with ${code ?? 'a signal'}; it wrote:\n${this.#all()}`);
    }
    const patterns = expected.map(patternOf);
    const surprise = this.#errors.find((line) => !patterns.some((pattern) => pattern.test(line)));
    if (surprise !== undefined) throw new Error(`an error that the page does not show: ${surprise}`);
    this.#errors = [];
    this.#sent.clear();
    this.#output = [];
  }

  /** Ends the processes that are left after a failure. */
  async kill(): Promise<void> {
    await Promise.all(this.#killers.map((kill) => kill()));
  }

  /** The number of messages of a queue that have come to an end. */
  #ended(queue: string): number {
    return this.#hosts
      .flatMap(({ lines }) => lines)
      .filter((line) => line.queue === queue)
      .filter(({ msg }) => msg === 'delivery done' || msg.endsWith('dead-lettered')).length;
  }

  /** Keeps a line of output as people see it. Returns the line if it belongs to a host's log. */
  #read(text: string): HostLine | undefined {
    const line = parseLine(text);
    const written = line ? readable(line) : text;
    this.#output.push(written);
    if (line && line.level >= errorLevel) this.#errors.push(written);
    this.#seen.emit('change');
    return line;
  }

  #all(): string {
    return this.#output.join('\n');
  }

  /** Rejects after too long, and when the host that it waits for ends without it. */
  async #until(isSo: () => boolean, what: string, host?: Running): Promise<void> {
    const tooLate = AbortSignal.timeout(patienceMs);
    while (!isSo()) {
      if (host?.hasEnded) throw new Error(`waited for ${what}, and it ended; it wrote:\n${this.#all()}`);
      await once(this.#seen, 'change', { signal: tooLate }).catch(() => {
        throw new Error(`waited ${patienceMs / 1000} s for ${what}; written so far:\n${this.#all()}`);
      });
    }
  }
}

/** A line of the host's log as it looks on a terminal, without the time. */
function readable({ level, name, msg }: HostLine): string {
  return `${levelNames[level] ?? level} (${name}): ${msg}`;
}

function patternOf(line: string): RegExp {
  return new RegExp(line.trim().split('…').map(literal).join('.*'));
}

function parseLine(text: string): HostLine | undefined {
  try {
    const line = JSON.parse(text) as Partial<HostLine> | null;
    return typeof line?.msg === 'string' && typeof line.pid === 'number' ? (line as HostLine) : undefined;
  } catch {
    // Output of the processor by console.log.
    return undefined;
  }
}
