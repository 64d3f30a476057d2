// One run of a processor on a schedule. Part of the testing kit.
import { systemClock } from '../clock.ts';
import { silentLog, type Logger } from '../log.ts';
import type { DefinedProcessor } from '../processor/definition.ts';
import type { LastRun, ScheduleContext, ScheduleProcessor } from '../processor/processor.ts';
import { Run } from '../service/delivery/run.ts';
import { instantiate } from './processor.ts';

/** The circumstances of the run; all are optional. */
export interface RunOnceOptions {
  /** When the run was due; default: now. */
  readonly scheduledFor?: Date;
  /** How the previous run went; default: none, as for the first run. */
  readonly lastRun?: LastRun;
  /** Aborts the run's signal, as the end of a drain does. */
  readonly signal?: AbortSignal;
  /** The logger for `context.log`; default: none. */
  readonly log?: Logger;
  /** For `context.send`; default: rejects. */
  readonly send?: ScheduleContext['send'];
}

/**
 * Runs a processor of a schedule once, as `svchost run --once` does: `start`, `process`, `stop`.
 *
 * @param processor a class, what `defineProcessor` returns, or an object with a `process` method
 * @throws the error that the processor throws
 */
export async function runOnce(
  processor: (new () => ScheduleProcessor) | DefinedProcessor | ScheduleProcessor,
  options: RunOnceOptions = {},
): Promise<void> {
  const { scheduledFor = new Date(), lastRun, signal, log = silentLog, send = refuseSend } = options;
  const instance = instantiate(processor);
  const run = new Run();
  const context: ScheduleContext = {
    scheduledFor,
    lastRun,
    signal: signal ? AbortSignal.any([run.signal, signal]) : run.signal,
    log: log.child({ scheduledFor }),
    send,
  };
  await instance.start?.();
  try {
    await run.execute(() => instance.process(context), systemClock, undefined);
  } finally {
    await instance.stop?.();
  }
}

function refuseSend(queueName: string): Promise<void> {
  return Promise.reject(
    new Error(`the processor sends to queue "${queueName}": pass a send to runOnce to test that`),
  );
}
