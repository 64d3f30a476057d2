// The process of a server that the tests have started: its start, its signals, its end. Knows no server.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** How to run a server, and how to find out that it serves. */
export interface ServerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where its output goes; appended to. */
  readonly logFile: string;
  /** Resolves once it serves; the signal is aborted when it has ended. */
  readonly awaitReady: (ended: AbortSignal) => Promise<unknown>;
  /** Called with the id of its process, which leads a group of processes. */
  readonly onStart: (pid: number) => void;
}

/** A server's process, leader of a group that holds only what it started itself. It may run several times. */
export class ServerProcess {
  readonly #command: ServerCommand;
  #running: { readonly child: ChildProcess; readonly exited: Promise<void> } | undefined;

  constructor(command: ServerCommand) {
    this.#command = command;
  }

  /** Does nothing while it runs. The end of its log is in the error if it does not come up. */
  async start(): Promise<void> {
    if (this.#running !== undefined) return;
    const { file, args, cwd, env, logFile, awaitReady, onStart } = this.#command;
    const log = openSync(logFile, 'a');
    const child = spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    child.unref();
    const ended = new AbortController();
    const exited = new Promise<void>((resolve) => {
      child.once('error', (error) => ended.abort(error));
      child.once('exit', (code, signal) => {
        this.#running = undefined;
        ended.abort(new Error(`it ended with ${signal ?? code ?? '-'}`));
        resolve();
      });
    });
    if (child.pid === undefined)
      throw new Error(`${file} could not be started`, { cause: ended.signal.reason });
    this.#running = { child, exited };
    onStart(child.pid);
    try {
      await awaitReady(ended.signal);
    } catch (error) {
      await this.end('SIGKILL');
      throw new Error(await this.#failure(error), { cause: error });
    }
  }

  /** An orderly end is asked of the leader alone: the others end with it. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    // Waited for now, so it counts again as a reason for this process to live.
    running.child.ref();
    if (signal === 'SIGTERM') running.child.kill(signal);
    else this.signal(signal);
    const limit = setTimeout(() => this.signal('SIGKILL'), 30_000);
    await running.exited;
    clearTimeout(limit);
  }

  /** Signals the group; it is known to exist, because its leader has not been reaped. */
  signal(signal: NodeJS.Signals): void {
    const pid = this.#running?.child.pid;
    if (pid !== undefined) process.kill(-pid, signal);
  }

  async #failure(error: unknown): Promise<string> {
    const { file, logFile } = this.#command;
    const reason = error instanceof Error ? error.message : String(error);
    const log = await readFile(logFile, 'utf8').catch(() => '');
    return `${file} did not start: ${reason}. The end of its log:\n${log.slice(-4000)}`;
  }
}
