// Runs an occurrence of a schedule: claims it if replicas share the schedule, limits its time, and reports its outcome.
// runner.ts decides when it is due.
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { LastRun, RunOutcome, ScheduleContext, ScheduleProcessor } from '../processor/processor.ts';
import { CutOffError, ProcessTimeoutError } from './delivery/failure.ts';
import { Run } from './delivery/run.ts';
import type { ServiceEvents, SkipCause } from './events.ts';
import type { InFlight, InFlightFact } from './in-flight.ts';

/** How to run occurrences. */
export interface OccurrenceExecutorOptions {
  readonly processor: ScheduleProcessor;
  /** Undefined for no limit. */
  readonly processTimeoutMs: number | undefined;
  /** Whether this replica may run the occurrence; rejects if that is unknown. Undefined if it always may. */
  readonly claim: ((occurrence: Date) => Promise<boolean>) | undefined;
  readonly send: ScheduleContext['send'];
  readonly clock: Clock;
  readonly events: ServiceEvents;
  /** The processor's logger. */
  readonly processorLog: Logger;
}

/** Runs occurrences, one at a time: `execute` must not be called again before it has resolved. */
export class OccurrenceExecutor implements InFlight {
  readonly #options: OccurrenceExecutorOptions;
  #isDraining = false;
  #run: Run | undefined;
  #scheduledFor: Date | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #lastRun: LastRun | undefined;

  constructor(options: OccurrenceExecutorOptions) {
    this.#options = options;
  }

  /** 0 or 1. */
  get size(): number {
    return this.#run ? 1 : 0;
  }

  list(): readonly InFlightFact[] {
    return this.#run && this.#scheduledFor ? [{ scheduledFor: this.#scheduledFor }] : [];
  }

  drain(): void {
    this.#isDraining = true;
  }

  async idle(): Promise<void> {
    await this.#work;
  }

  async cutOff(culprit?: Run, cause?: unknown): Promise<number> {
    const run = this.#run;
    if (!run) return 0;
    if (run === culprit) run.crash(cause);
    else run.cutOff();
    await this.idle();
    return run === culprit ? 0 : 1;
  }

  /** Runs the occurrence if this replica may. Never rejects. Resolves with undefined if nothing ran. */
  async execute(occurrence: Date): Promise<RunOutcome | undefined> {
    const work = this.#execute(occurrence);
    this.#work = work;
    return await work;
  }

  async #execute(scheduledFor: Date): Promise<RunOutcome | undefined> {
    if (!(await this.#mayRun(scheduledFor))) return undefined;
    const { clock, events } = this.#options;
    const startedAt = clock.now();
    const from = clock.elapsed();
    const thrown = await this.#process(scheduledFor);
    const processMs = Math.round(clock.elapsed() - from);
    const outcome = outcomeOf(thrown);
    this.#lastRun = {
      scheduledFor,
      startedAt: new Date(startedAt),
      endedAt: new Date(clock.now()),
      outcome,
    };
    events.emit({
      kind: 'occurrence-ended',
      scheduledFor,
      outcome,
      isCutOff: thrown?.value instanceof CutOffError,
      processMs,
      latenessMs: startedAt - scheduledFor.getTime(),
      thrown: thrown?.value,
    });
    return outcome;
  }

  async #mayRun(scheduledFor: Date): Promise<boolean> {
    const { claim } = this.#options;
    try {
      if (claim && !(await claim(scheduledFor))) return this.#skip(scheduledFor, 'elsewhere');
    } catch (thrown) {
      return this.#skip(scheduledFor, 'unclaimed', thrown);
    }
    return this.#isDraining ? this.#skip(scheduledFor, 'draining') : true;
  }

  #skip(scheduledFor: Date, cause: SkipCause, thrown?: unknown): false {
    this.#options.events.emit({ kind: 'occurrence-skipped', scheduledFor, count: 1, cause, thrown });
    return false;
  }

  /** Resolves with the thrown value, if there is one. */
  async #process(scheduledFor: Date): Promise<{ readonly value: unknown } | undefined> {
    const { processor, processorLog, processTimeoutMs, clock, send } = this.#options;
    const run = new Run();
    this.#run = run;
    this.#scheduledFor = scheduledFor;
    const context: ScheduleContext = {
      scheduledFor,
      get signal() {
        return run.signal;
      },
      log: processorLog.child({ scheduledFor }),
      lastRun: this.#lastRun,
      send,
    };
    try {
      await run.execute(() => processor.process(context), clock, processTimeoutMs);
      return undefined;
    } catch (value) {
      return { value };
    } finally {
      this.#run = undefined;
    }
  }
}

function outcomeOf(thrown: { readonly value: unknown } | undefined): RunOutcome {
  if (!thrown) return 'done';
  return thrown.value instanceof ProcessTimeoutError ? 'timeout' : 'failed';
}
