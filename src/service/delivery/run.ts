// One run of `process` for one delivery: its signal, its time limit, and the ways to end it from outside.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../clock.ts';
import { CrashError, CutOffError, legible, ProcessTimeoutError, reasonOf } from './failure.ts';

/** How long a run may take to end after PROCESS_TIMEOUT aborted its signal, in milliseconds. */
const abortGraceMs = 1_000;

/** The run that the current code works for, through all its awaits: tells whose work an uncaught error came out of. */
export const currentRun = new AsyncLocalStorage<Run>();

/** One delivery in work. */
export class Run {
  readonly #controller = new AbortController();
  readonly #interrupted: Promise<never>;
  #interrupt: (reason: Error) => void = () => undefined;
  #timeout: ProcessTimeoutError | undefined;

  constructor() {
    this.#interrupted = new Promise<never>((_resolve, reject) => (this.#interrupt = reject));
    // Nobody waits for it before `execute` does.
    this.#interrupted.catch(() => undefined);
  }

  /** For the processor: aborted when its work is not wanted any more. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Calls `work` under a time limit. Resolves or rejects as it does, or rejects with a ProcessTimeoutError,
   * a CutOffError or a CrashError. Work that ends well after its signal was aborted still counts: it is done. So does
   * an error that is final: a DeadLetterError says more than that the time was up.
   *
   * @param timeoutMs undefined for no limit
   */
  async execute(work: () => unknown, clock: Clock, timeoutMs: number | undefined): Promise<void> {
    const cancelTimeout = this.#startTimeout(clock, timeoutMs);
    try {
      await Promise.race([currentRun.run(this, async () => await work()), this.#interrupted]);
    } catch (error) {
      // However the processor put it: it ended because its time was up.
      throw this.#timeout && !isFinal(error) ? this.#timeout : error;
    } finally {
      cancelTimeout();
    }
  }

  /** Aborts the signal only: the message comes again, elsewhere, and the place of this run is taken until it ends. */
  lose(reason: Error): void {
    this.#abort(reason);
  }

  /** Ends the run: the drain has run out of time. */
  cutOff(): void {
    this.#end(new CutOffError());
  }

  /** Ends the run: an error that nothing caught came out of it. */
  crash(cause: unknown): void {
    this.#end(new CrashError(cause));
  }

  /** First the signal; a processor that does not heed it loses the message anyway, so that nothing is stuck. */
  #startTimeout(clock: Clock, timeoutMs: number | undefined): () => void {
    if (timeoutMs === undefined) return () => undefined;
    let cancel = clock.after(timeoutMs, () => {
      const timeout = new ProcessTimeoutError(timeoutMs);
      this.#timeout = timeout;
      this.#abort(timeout);
      cancel = clock.after(abortGraceMs, () => this.#interrupt(timeout));
    });
    return () => cancel();
  }

  #end(reason: Error): void {
    this.#interrupt(reason);
    this.#abort(reason);
  }

  /** In the name of this run: what a listener of the signal throws comes out as an uncaught error. */
  #abort(reason: Error): void {
    currentRun.run(this, () => this.#controller.abort(reason));
  }
}

/** Whether the error decides the outcome, even when the time is up. */
function isFinal(thrown: unknown): boolean {
  const error = legible(thrown);
  return error instanceof CutOffError || error instanceof CrashError || reasonOf(error).isFinal;
}
