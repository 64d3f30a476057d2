// What a reader of a page does at a terminal: runs commands in a directory, and keeps hosts running beside them. Owns the
// processes and what they wrote; knows no page.
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { runCommand } from '../support/command.ts';
import { literal } from './pattern.ts';

/** How long a host may take to start, to work off what it was sent, and to end. */
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

/** A command that goes on until it is stopped. */
interface Running {
  readonly command: string;
  readonly lines: HostLine[];
  readonly exited: Promise<number | null>;
  hasEnded: boolean;
}

export class Terminal {
  readonly #env: NodeJS.ProcessEnv;
  readonly #hosts: Running[] = [];
  readonly #killers: (() => Promise<void>)[] = [];
  readonly #seen = new EventEmitter();
  /** What everything wrote since the last `stop`, as people see it. */
  #output: string[] = [];
  #errors: string[] = [];
  /** How many messages were sent to each queue since the last `stop`. */
  readonly #sent = new Map<string, number>();

  constructor(env: NodeJS.ProcessEnv) {
    // Not for people, though standard output may be a terminal one day: the lines are read.
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

  /** Starts a host; resolves once it waits for messages, or for its next run. */
  async start(command: string, cwd: string): Promise<void> {
    // A group of its own: killed as a whole where a test fails.
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

  /** Waits until each line has been written; `…` in it stands for anything. */
  async expectOutput(expected: readonly string[]): Promise<void> {
    for (const line of expected) {
      const pattern = patternOf(line);
      const isWritten = () => this.#output.some((written) => pattern.test(written));
      // Where nothing runs, nothing more will be written.
      if (this.#hosts.length > 0) await this.#until(isWritten, `the line "${line}"`);
      else if (!isWritten()) throw new Error(`nothing has written the line "${line}":\n${this.#all()}`);
    }
  }

  /**
   * Waits until the hosts have worked off what was sent to their queues, then ends them as an orchestrator does. Each
   * must end with 0, and have reported no error but those expected.
   */
  async stop(expected: readonly string[]): Promise<void> {
    for (const [queue, count] of this.#sent) {
      if (!this.#hosts.some(({ lines }) => lines.some(({ msg }) => msg === `consuming queue ${queue}`)))
        continue;
      await this.#until(
        () => this.#ended(queue) >= count,
        `${count} messages of queue ${queue} to be worked off`,
      );
    }
    for (const { command, lines, exited } of this.#hosts.splice(0)) {
      // The host itself: npx does not hand SIGTERM on to what it runs. `svchost dev` writes first, and ends its host.
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

  /** Ends what still runs after a failure. */
  async kill(): Promise<void> {
    await Promise.all(this.#killers.map((kill) => kill()));
  }

  /** How many messages of a queue have come to an end. */
  #ended(queue: string): number {
    return this.#hosts
      .flatMap(({ lines }) => lines)
      .filter((line) => line.queue === queue)
      .filter(({ msg }) => msg === 'delivery done' || msg.endsWith('dead-lettered')).length;
  }

  /** Keeps what was written as people see it. Returns the line where it is one of a host's log. */
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

  /** Rejects when it takes too long, and when the host it waits for ends without it. */
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

/** A line of the host's log as it is on a terminal, without the time. */
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
    // What the processor wrote with console.log.
    return undefined;
  }
}
