// The thread that kills a process whose event loop is blocked beyond the end of its shutdown (watchdog.ts).
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { Deadline } from './watchdog.ts';

const { afterMs } = workerData as Deadline;

setTimeout(() => {
  const text = `svchost: the event loop is blocked, ${afterMs / 1000} s after the shutdown began; killing the process\n`;
  try {
    writeSync(2, text);
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}, afterMs);
