// The thread that kills a host process that outlives dev (watchdog.ts).
import { parentPort, workerData } from 'node:worker_threads';
import type { Watch } from './watchdog.ts';

/** How often the parent is checked, in milliseconds. */
const intervalMs = 500;

const { parent, ...watch } = workerData as Watch;
let { graceMs } = watch;
parentPort?.on('message', (changedMs: number) => (graceMs = changedMs));

const timer = setInterval(() => {
  // An orphaned process gets another parent.
  if (process.ppid === parent) return;
  clearInterval(timer);
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceMs);
}, intervalMs);
