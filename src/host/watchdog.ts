// Holds the deadline of a shutdown even if the event loop is blocked: a thread of its own (watchdog-thread.ts) ends the
// process.
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterDrainMs } from '../service/shutdown.ts';

/** How much later than SHUTDOWN_TIMEOUT and the steps after the drain a blocked process is killed, in milliseconds. */
const reserveMs = 3_000;

/** The thread's file: .ts, or .js if this file is built, too. */
const thread = new URL(`watchdog-thread${path.extname(import.meta.filename)}`, import.meta.url);

/** The data that the thread starts with. */
export interface Deadline {
  /** When to kill the process, in milliseconds from now. */
  readonly afterMs: number;
}

/**
 * Kills this process unless it ends by itself: SHUTDOWN_TIMEOUT + 8 s from now.
 *
 * @param shutdownTimeoutMs SHUTDOWN_TIMEOUT, in milliseconds
 */
export function watchShutdown(shutdownTimeoutMs: number): void {
  const workerData: Deadline = { afterMs: shutdownTimeoutMs + afterDrainMs + reserveMs };
  // Without the options of the service's own Node: modules that they preload must be loaded only once.
  new Worker(thread, { workerData, execArgv: [], env: {} }).unref();
}
