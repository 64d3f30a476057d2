// One occurrence of a schedule: claimed where replicas share it, run under the time limit, recorded. When it is due is the
// runner's matter.
import type { Clock } from '../clock.ts';
import { toError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { LastRun, RunOutcome, ScheduleContext, ScheduleProcessor } from '../processor/processor.ts';
import { describeThrown, CutOffError, ProcessTimeoutError } from './delivery/failure.ts';
import { Run } from './delivery/run.ts';

export interface OccurrenceExecutorOptions {
  readonly processor: ScheduleProcessor;
  /** Undefined for no limit. */
  readonly processTimeoutMs: number | undefined;
  /** Whether this replica may run the occurrence; rejects where that cannot be told. Undefined: it always may. */
  readonly claim: ((occurrence: Date) => Promise<boolean>) | undefined;
  readonly clock: Clock;
  /** The host's own logger. */
  readonly log: Logger;
  /** The processor's logger. */
  readonly processorLog: Logger;
}

/** Runs occurrences, one at a time: `execute` is not to be called again before it has resolved. */
export class OccurrenceExecutor {
  /** How runs ended, and how many occurrences were due without one; `elsewhere` are those of other replicas. */
  readonly counts = { done: 0, failed: 0, timeout: 0, elsewhere: 0, skipped: 0 };
  readonly #options: OccurrenceExecutorOptions;
  #isDraining = false;
  #run: Run | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #lastRun: LastRun | undefined;

  constructor(options: OccurrenceExecutorOptions) {
    this.#options = options;
  }

  /** How many runs are going on: 0 or 1. */
  get size(): number {
    return this.#run ? 1 : 0;
  }

  /** Nothing starts from now on. Idempotent. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Resolves when nothing is going on any more. */
  async idle(): Promise<void> {
    await this.#work;
  }

  /** Aborts the run that is going on. Returns how many that were; the culprit of a crash is none of them. */
  async cutOff(culprit?: Run, cause?: unknown): Promise<number> {
    const run = this.#run;
    if (!run) return 0;
    if (run === culprit) run.crash(cause);
    else run.cutOff();
    await this.idle();
    return run === culprit ? 0 : 1;
  }

  /** Runs the occurrence, if it is this replica's. Never rejects. Resolves with undefined where nothing was run. */
  async execute(occurrence: Date): Promise<RunOutcome | undefined> {
    const work = this.#execute(occurrence);
    this.#work = work;
    return await work;
  }

  async #execute(scheduledFor: Date): Promise<RunOutcome | undefined> {
    if (!(await this.#mayRun(scheduledFor))) return undefined;
    const { clock } = this.#options;
    const startedAt = new Date(clock.now());
    const outcome = await this.#process(scheduledFor);
    this.counts[outcome]++;
    this.#lastRun = { scheduledFor, startedAt, endedAt: new Date(clock.now()), outcome };
    return outcome;
  }

  async #mayRun(scheduledFor: Date): Promise<boolean> {
    const { claim, log } = this.#options;
    try {
      if (claim && !(await claim(scheduledFor))) {
        this.counts.elsewhere++;
        log.debug({ scheduledFor }, 'occurrence belongs to another replica');
        return false;
      }
    } catch (error) {
      return this.#skip(scheduledFor, `it could not be claimed: ${toError(error).message}`);
    }
    return this.#isDraining ? this.#skip(scheduledFor, 'the service is stopping') : true;
  }

  #skip(scheduledFor: Date, reason: string): false {
    this.counts.skipped++;
    this.#options.log.warn({ scheduledFor, reason, skipped: 1 }, 'occurrence skipped');
    return false;
  }

  async #process(scheduledFor: Date): Promise<RunOutcome> {
    const { processor, processorLog, processTimeoutMs, clock, log } = this.#options;
    const run = new Run();
    this.#run = run;
    const context: ScheduleContext = {
      scheduledFor,
      signal: run.signal,
      log: processorLog.child({ scheduledFor }),
      lastRun: this.#lastRun,
    };
    const startedAt = clock.now();
    try {
      await run.execute(() => processor.process(context), clock, processTimeoutMs);
      log.debug({ scheduledFor, durationMs: clock.now() - startedAt }, 'run done');
      return 'done';
    } catch (error) {
      const fields = { scheduledFor, durationMs: clock.now() - startedAt, error: describeThrown(error) };
      log.warn(fields, error instanceof CutOffError ? 'run cut off' : 'run failed');
      return error instanceof ProcessTimeoutError ? 'timeout' : 'failed';
    } finally {
      this.#run = undefined;
    }
  }
}
