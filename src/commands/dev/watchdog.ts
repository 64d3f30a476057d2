// Kills a host process that outlives dev, even if its code blocks the event loop, so that it never hears that dev has gone.
// A separate thread watches (watchdog-thread.ts).
import path from 'node:path';
import { Worker } from 'node:worker_threads';

/** The thread's own file, with the ending of this one: built or not. */
const thread = new URL(`watchdog-thread${path.extname(import.meta.filename)}`, import.meta.url);

/** The data that the thread starts with. */
export interface Watch {
  /** The process id of dev. */
  readonly parent: number;
  /** How long this process may outlive dev, in milliseconds. */
  readonly graceMs: number;
}

/**
 * From now on, kills this process if it outlives dev by more than `graceMs`.
 *
 * @returns a function that changes `graceMs`
 */
export function watchParent(graceMs: number): (graceMs: number) => void {
  const workerData: Watch = { parent: process.ppid, graceMs };
  // Without the options of the service's own Node: modules that they preload must be loaded only once.
  const worker = new Worker(thread, { workerData, execArgv: [], env: {} });
  worker.unref();
  return (changedMs) => worker.postMessage(changedMs);
}
