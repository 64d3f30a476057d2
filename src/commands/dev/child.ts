// The process that hosts the service (host.ts), as dev sees it: it loads, runs and ends.
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock, within } from '../../clock.ts';
import { exitCode, exitMeaning } from '../../errors.ts';
import { drainGraceMs, go, idleEndMs, unwrap, type ProcessorQueues } from './protocol.ts';

/** The file to run: host.ts, or host.js if this file is built, too. */
const hostFile = fileURLToPath(new URL(`host${path.extname(import.meta.filename)}`, import.meta.url));

/** The result of loading. */
export type Loading =
  | { readonly kind: 'loaded'; readonly queues: readonly ProcessorQueues[] }
  /** Without reasons if the process ended before it could report any. */
  | { readonly kind: 'refused'; readonly reasons: readonly string[] };

/** How the process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One process that hosts the service. */
export class Child {
  readonly loading: Promise<Loading>;
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  #hasExited = false;
  #isEnding = false;
  #shutdownTimeoutMs = 0;
  #endMs = idleEndMs;

  /**
   * Starts to load the service of a directory.
   *
   * @param onFiles called with the files of the code as they are imported
   */
  constructor(directory: string, onFiles: (files: readonly string[]) => void) {
    // Detached, in its own process group: Ctrl-C signals dev's whole group, and would reach the service as a second
    // signal beside dev's own, and its child processes as the first. Without standard input, which dev reads itself.
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
    this.#process = fork(hostFile, [directory], { detached: true, stdio: [...stdio] });
    this.exited = this.#followExit();
    this.loading = this.#followReports(onFiles);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether `end` or `kill` was called. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Runs the service, which must have loaded. */
  run(): void {
    this.#endMs = this.#shutdownTimeoutMs + drainGraceMs;
    // An error here means that it has ended meanwhile, which `exited` reports.
    this.#process.send(go, () => undefined);
  }

  /** Drains it with SIGTERM; kills it if that takes longer than SHUTDOWN_TIMEOUT and some seconds. */
  async end(): Promise<Exit> {
    if (!this.#isEnding) this.#process.kill('SIGTERM');
    this.#isEnding = true;
    await within(systemClock, this.#endMs, this.exited);
    this.kill();
    return await this.exited;
  }

  /** Ends it and its child processes at once; the broker redelivers its messages. */
  kill(): void {
    const { pid } = this.#process;
    this.#isEnding = true;
    if (this.#hasExited || pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended just now.
    }
  }

  #followExit(): Promise<Exit> {
    return new Promise((resolve) => {
      const exit = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#hasExited = true;
        resolve({ code, signal });
      };
      this.#process.once('exit', exit);
      // It could not start: no memory, or too many processes.
      this.#process.on('error', () => this.pid === undefined && exit(exitCode.failed, null));
    });
  }

  #followReports(onFiles: (files: readonly string[]) => void): Promise<Loading> {
    return new Promise((resolve) => {
      this.#process.on('message', (message) => {
        const report = unwrap(message);
        if (report?.kind === 'files') onFiles(report.files);
        if (report?.kind === 'loaded') this.#shutdownTimeoutMs = report.shutdownTimeoutMs;
        if (report?.kind === 'loaded' || report?.kind === 'refused') resolve(report);
      });
      // Its last reports may arrive after it has ended, but not after the channel has closed.
      this.#process.once('disconnect', () => {
        void this.exited.then(() => resolve({ kind: 'refused', reasons: [] }));
      });
      this.#process.once('error', ({ message }) => resolve({ kind: 'refused', reasons: [message] }));
    });
  }
}

/** An exit in words: `exit code 1 (the service failed)`. */
export function describeExit({ code, signal }: Exit): string {
  if (signal) return `signal ${signal}`;
  const known = Object.values(exitCode).find((candidate) => candidate === code);
  return `exit code ${code ?? 'none'}${known === undefined ? '' : ` (${exitMeaning[known]})`}`;
}
