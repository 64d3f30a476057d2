// The process that hosts a service under `svchost dev`: loads the code, reports whether it can run, waits until it may, runs
// it. Each version of the code has its own process, since an ES module cannot be unloaded.
import { setImmediate } from 'node:timers/promises';
import { processEnvironment } from '../../config/environment.ts';
import { ConfigurationError, describeProblem, exitCode, toError } from '../../errors.ts';
import { endProcess, failOnForeignExit } from '../../exit.ts';
import { runResolved } from '../../host/host.ts';
import { resolveService, type Refusal } from '../../host/resolution.ts';
import { flushOutput } from '../../output.ts';
import { failOnStandstill } from '../../host/standstill.ts';
import { loadDevEnvironment } from './environment.ts';
import { followImports } from './module-hook.ts';
import { drainGraceMs, go, idleEndMs, wrap, type Report } from './protocol.ts';
import { watchParent } from './watchdog.ts';

const directory = process.argv[2] ?? '.';
let isRunning = false;

// Dev has gone, perhaps killed: nobody can see or stop this process any more. Messages in flight may finish.
process.once('disconnect', () => {
  if (isRunning) process.kill(process.pid, 'SIGTERM');
  else endProcess(exitCode.ok);
});

const allowOrphan = watchParent(idleEndMs);
failOnStandstill();
failOnForeignExit();
// The channel to dev must not keep a process alive whose code awaits a promise that never settles.
process.channel?.unref();
followImports((files) => void report({ kind: 'files', files }));
loadDevEnvironment(directory, processEnvironment);

const resolution = await resolveService(directory);
// After the report of the last imports, so that dev knows the files to watch once it hears the result.
await setImmediate();
if (resolution.kind === 'refused') {
  const { error } = resolution;
  const reasons = error instanceof ConfigurationError ? error.problems.map(describeProblem) : [error.message];
  await report({ kind: 'refused', reasons });
  showPlace(resolution);
  endProcess(error.exitCode);
}

const { bound = [], settings } = resolution;
const queues = bound.map(({ processor, queues: names }) => ({ ...names, type: processor.type }));
process.channel?.ref();
const mayRun = new Promise<void>((resolve) => {
  process.on('message', (message) => message === go && resolve());
});
await report({ kind: 'loaded', queues, shutdownTimeoutMs: settings.shutdownTimeoutMs });
await mayRun;
process.channel?.unref();
isRunning = true;
allowOrphan(settings.shutdownTimeoutMs + drainGraceMs);
const code = await runResolved(resolution, 'service');
await flushOutput();
endProcess(code);

/** Resolves when dev has the report, or cannot be reached any more. */
function report(content: Report): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(wrap(content), () => resolve());
    else resolve();
  });
}

/** Node shows the place of a syntax error in JavaScript only if nothing catches it. */
function showPlace({ processorError }: Refusal): void {
  const cause = processorError?.cause;
  if (!(cause instanceof SyntaxError) || !toError(cause).stack?.startsWith('SyntaxError')) return;
  throw cause;
}
