// The process of any server that the tests start: its start, its signals, its end.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** How to run a server, and how to notice that it is ready. */
export interface ServerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** The file that its output is appended to. */
  readonly logFile: string;
  /** Resolves once the server is ready; the signal is aborted when it has ended. */
  readonly awaitReady: (ended: AbortSignal) => Promise<unknown>;
  /** Called with its process id, which is also that of its process group. */
  readonly onStart: (pid: number) => void;
}

/** A server's process, the leader of its own group. It can be started again after its end. */
export class ServerProcess {
  readonly #command: ServerCommand;
  #running: { readonly child: ChildProcess; readonly exited: Promise<void> } | undefined;

  constructor(command: ServerCommand) {
    this.#command = command;
  }

  /** Does nothing while it runs. If it does not come up, the error contains the end of its log. */
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

  /** Requests an orderly end from the leader alone: the others end with it. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    // Awaited from now on, so it counts again as a reason for this process to live.
    running.child.ref();
    if (signal === 'SIGTERM') running.child.kill(signal);
    else this.signal(signal);
    const limit = setTimeout(() => this.signal('SIGKILL'), 30_000);
    await running.exited;
    clearTimeout(limit);
  }

  /** Signals the group, which must exist, since its leader has not been reaped. */
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
