// Sees to it that no host outlives dev: not even one whose code never gives up the event loop, and so never hears that
// dev is gone. The watching is done by a thread of its own (watchdog-thread.ts).
import path from 'node:path';
import { Worker } from 'node:worker_threads';

/** The thread's own file, with the ending of this one: built or not. */
const thread = new URL(`watchdog-thread${path.extname(import.meta.filename)}`, import.meta.url);

/** What the thread is told at its start. */
export interface Watch {
  /** The process id of dev. */
  readonly parent: number;
  /** How long this process may outlive dev, in milliseconds. */
  readonly graceMs: number;
}

/**
 * From now on, kills this process where it outlives dev by more than `graceMs`.
 *
 * @returns a function that changes `graceMs`
 */
export function watchParent(graceMs: number): (graceMs: number) => void {
  const workerData: Watch = { parent: process.ppid, graceMs };
  // None of the service's own options: what they load must be loaded once.
  const worker = new Worker(thread, { workerData, execArgv: [], env: {} });
  worker.unref();
  return (changedMs) => worker.postMessage(changedMs);
}
