// The thread that kills a host which outlives dev (watchdog.ts).
import { parentPort, workerData } from 'node:worker_threads';
import type { Watch } from './watchdog.ts';

/** How often to look, in milliseconds. */
const everyMs = 500;

const { parent, ...watch } = workerData as Watch;
let { graceMs } = watch;
parentPort?.on('message', (changedMs: number) => (graceMs = changedMs));

const timer = setInterval(() => {
  // The orphan of a process gets another parent.
  if (process.ppid === parent) return;
  clearInterval(timer);
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceMs);
}, everyMs);
