// One run of `process`: its signal, its time limit, and the ways to end it from outside.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../clock.ts';
import { toError } from '../../errors.ts';
import { legible } from '../../thrown.ts';
import { CrashError, CutOffError, ProcessTimeoutError, reasonOf } from './failure.ts';

/** How long a run may take to end after PROCESS_TIMEOUT aborted its signal, in milliseconds. */
const abortGraceMs = 1_000;

/** The run that the current code works for, through all its awaits: tells whose work an uncaught error came out of. */
export const currentRun = new AsyncLocalStorage<Run>();

/** One delivery or occurrence in flight. */
export class Run {
  readonly #lost: AbortSignal | undefined;
  readonly #interrupted = Promise.withResolvers<never>();
  /** Made when first asked for: most processors never ask. */
  #controller: AbortController | undefined;
  /** Why the signal is aborted. */
  #abortReason: Error | undefined;
  #timeout: ProcessTimeoutError | undefined;
  readonly #onLost = (): void => this.#abort(toError(this.#lost?.reason));

  /** @param lost aborted when the delivery is lost: the signal is aborted with it, and the run keeps its place */
  constructor(lost?: AbortSignal) {
    this.#lost = lost;
    // Nobody waits for it before `execute` does.
    this.#interrupted.promise.catch(() => undefined);
  }

  /** For the processor: aborted when its work is not wanted any more. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) this.#controller.abort(this.#abortReason);
      else if (this.#lost?.aborted) this.#controller.abort(toError(this.#lost.reason));
      else this.#lost?.addEventListener('abort', this.#onLost, { once: true });
    }
    return this.#controller.signal;
  }

  /**
   * Calls `work` under a time limit. Resolves or rejects as it does, or rejects with a ProcessTimeoutError,
   * a CutOffError or a CrashError. Work that ends well after its signal was aborted still counts: it is done. So does
   * an error that is final: a DeadLetterError says more than that the time was up.
   *
   * @param timeoutMs undefined for no limit
   */
  async execute<Result>(
    work: () => Result,
    clock: Clock,
    timeoutMs: number | undefined,
  ): Promise<Awaited<Result>> {
    const cancelTimeout = this.#startTimeout(clock, timeoutMs);
    try {
      return await Promise.race([currentRun.run(this, async () => await work()), this.#interrupted.promise]);
    } catch (error) {
      // However the processor put it: it ended because its time was up.
      throw this.#timeout && !isFinal(error) ? this.#timeout : error;
    } finally {
      cancelTimeout();
      this.#lost?.removeEventListener('abort', this.#onLost);
    }
  }

  /** Ends the run: the drain has run out of time. */
  cutOff(): void {
    this.#end(new CutOffError());
  }

  /** Ends the run: an error that nothing caught came out of it. */
  crash(cause: unknown): void {
    this.#end(new CrashError(cause));
  }

  /** First the signal; a processor that ignores it loses the message anyway, so that nothing is stuck. */
  #startTimeout(clock: Clock, timeoutMs: number | undefined): () => void {
    if (timeoutMs === undefined) return () => undefined;
    let cancel = clock.after(timeoutMs, () => {
      const timeout = new ProcessTimeoutError(timeoutMs);
      this.#timeout = timeout;
      this.#abort(timeout);
      cancel = clock.after(abortGraceMs, () => this.#interrupted.reject(timeout));
    });
    return () => cancel();
  }

  #end(reason: Error): void {
    this.#interrupted.reject(reason);
    this.#abort(reason);
  }

  /** In the name of this run: an error that a listener of the signal throws becomes an uncaught one. */
  #abort(reason: Error): void {
    this.#abortReason ??= reason;
    currentRun.run(this, () => this.#controller?.abort(reason));
  }
}

/** Whether the error decides the outcome, even when the time is up. */
function isFinal(thrown: unknown): boolean {
  const error = legible(thrown);
  return error instanceof CutOffError || error instanceof CrashError || reasonOf(error).isFinal;
}
