// One run of `process`: its signal, its time limit, and the ways to end it from outside.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../clock.ts';
import { toError } from '../../errors.ts';
import type { Delivery } from '../../messaging/adapter.ts';
import { legible } from '../../thrown.ts';
import { CrashError, CutOffError, ProcessTimeoutError, reasonOf } from './failure.ts';
import { finished } from './result.ts';

/** How long a run may take to end after PROCESS_TIMEOUT aborted its signal, in milliseconds. */
const abortGraceMs = 1_000;

/** The run that the current code belongs to, across awaits: identifies the run that caused an uncaught error. */
export const currentRun = new AsyncLocalStorage<Run>();

/** One delivery or occurrence in flight. */
export class Run {
  readonly #delivery: Pick<Delivery, 'lost'> | undefined;
  /** Read with `signal`: an adapter may make it on first use. */
  #lost: AbortSignal | undefined;
  /** By `work`, or from outside. */
  readonly #ended = Promise.withResolvers<unknown>();
  /** Made on first use: most processors never use it. */
  #controller: AbortController | undefined;
  /** Why the signal is aborted. */
  #abortReason: Error | undefined;
  #timeout: ProcessTimeoutError | undefined;
  readonly #onLost = (): void => this.#abort(toError(this.#lost?.reason));

  /** @param delivery when it is lost, `signal` is aborted; the run goes on, and takes up room */
  constructor(delivery?: Pick<Delivery, 'lost'>) {
    this.#delivery = delivery;
    // A rejection before `execute` awaits it must not count as unhandled.
    this.#ended.promise.catch(() => undefined);
  }

  /** For the processor: aborted when its work is no longer wanted. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      this.#lost = this.#delivery?.lost;
      if (this.#abortReason) this.#controller.abort(this.#abortReason);
      else if (this.#lost?.aborted) this.#controller.abort(toError(this.#lost.reason));
      else this.#lost?.addEventListener('abort', this.#onLost, { once: true });
    }
    return this.#controller.signal;
  }

  /**
   * Calls `work` under a time limit, and settles as it does, unless the run is ended from outside. Success after the
   * signal was aborted still counts; so does a final error, since a DeadLetterError says more than a timeout.
   *
   * @param timeoutMs undefined for no limit
   * @throws NotBegunError the work has returned an iterator, an observable or a function
   * @throws ProcessTimeoutError the time was up
   * @throws CutOffError the drain ran out of time
   * @throws CrashError an uncaught error came from this run
   */
  async execute(work: () => unknown, clock: Clock, timeoutMs: number | undefined): Promise<unknown> {
    const cancelTimeout = this.#startTimeout(clock, timeoutMs);
    try {
      currentRun
        .run(this, async () => await finished(await work()))
        .then(this.#ended.resolve, this.#ended.reject);
      return await this.#ended.promise;
    } catch (error) {
      // Whatever the processor threw, it ended because its time was up.
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

  /** Ends the run: it caused an uncaught error. */
  crash(cause: unknown): void {
    this.#end(new CrashError(cause));
  }

  /**
   * Aborts the signal first; a processor that ignores it loses the message a second later, so that nothing is stuck.
   */
  #startTimeout(clock: Clock, timeoutMs: number | undefined): () => void {
    if (timeoutMs === undefined) return () => undefined;
    let cancel = clock.after(timeoutMs, () => {
      const timeout = new ProcessTimeoutError(timeoutMs);
      this.#timeout = timeout;
      this.#abort(timeout);
      cancel = clock.after(abortGraceMs, () => this.#ended.reject(timeout));
    });
    return () => cancel();
  }

  #end(reason: Error): void {
    this.#ended.reject(reason);
    this.#abort(reason);
  }

  /**
   * As part of this run: an error that a listener of the signal throws goes uncaught, and must be traced to this run.
   */
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
