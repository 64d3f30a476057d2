// The process that hosts a service under `svchost dev`. Loads the code, says whether it can run, waits until it may, runs
// it. A process of its own for each version of the code: an ES module cannot be unloaded.
import { setImmediate } from 'node:timers/promises';
import { processEnvironment } from '../../config/environment.ts';
import { ConfigurationError, describeProblem, exitCode, toError } from '../../errors.ts';
import { resolutionError, resolveService, type Resolution } from '../../host/resolution.ts';
import { runResolved } from '../run.ts';
import { failOnStandstill } from '../../host/standstill.ts';
import { loadDevEnvironment } from './environment.ts';
import { followImports } from './module-hook.ts';
import { drainGraceMs, go, idleEndMs, wrap, type Report } from './protocol.ts';
import { watchParent } from './watchdog.ts';

const directory = process.argv[2] ?? '.';
let isRunning = false;

// Dev is gone, killed perhaps: nobody can see or stop this process any more. What is in work may finish.
process.once('disconnect', () => {
  if (isRunning) process.kill(process.pid, 'SIGTERM');
  else process.exit(exitCode.ok);
});

const allowOrphan = watchParent(idleEndMs);
failOnStandstill();
// The channel to dev alone must not keep a process alive whose code awaits for ever.
process.channel?.unref();
followImports((files) => void tell({ kind: 'files', files }));
loadDevEnvironment(directory, processEnvironment);

const resolution = await resolveService(directory);
// Behind the last of the imports: dev then knows what to watch when it hears how it went.
await setImmediate();
const error = resolutionError(resolution);
if (error) {
  const reasons = error instanceof ConfigurationError ? error.problems.map(describeProblem) : [error.message];
  await tell({ kind: 'refused', reasons });
  showPlace(resolution);
  process.exit(error.exitCode);
}

const { queues, settings } = resolution;
process.channel?.ref();
const mayRun = new Promise<void>((resolve) => {
  process.on('message', (message) => message === go && resolve());
});
await tell({ kind: 'loaded', queues, shutdownTimeoutMs: settings.shutdownTimeoutMs });
await mayRun;
process.channel?.unref();
isRunning = true;
allowOrphan(settings.shutdownTimeoutMs + drainGraceMs);
process.exit(await runResolved(resolution, 'service'));

/** Resolves when dev has it, or cannot be reached any more. */
function tell(report: Report): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(wrap(report), () => resolve());
    else resolve();
  });
}

/** Of a mistake in the syntax of JavaScript, Node shows the place only where nothing catches the error. */
function showPlace({ processorError }: Resolution): void {
  const cause = processorError?.cause;
  if (!(cause instanceof SyntaxError) || !toError(cause).stack?.startsWith('SyntaxError')) return;
  throw cause;
}
