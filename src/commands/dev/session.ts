// One session of `svchost dev`: decides which version of the code runs. New code replaces the old only once it has
// loaded and the old has drained; code that does not load replaces nothing.
import { systemClock } from '../../clock.ts';
import { exitCode, type ExitCode } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { Child, describeExit, type Exit } from './child.ts';
import type { ProcessorQueues } from './protocol.ts';

/** How long code may load before a warning, in milliseconds. */
const slowLoadingMs = 5_000;

/** The service that a session runs, and the listeners of its reports. */
export interface SessionOptions {
  /** The service's. */
  readonly directory: string;
  /** Called with the files of the code as they are imported. */
  readonly onFiles: (files: readonly string[]) => void;
  readonly log: Logger;
}

/** Runs a service, version after version. */
export class Session {
  readonly #options: SessionOptions;
  /** All processes that have not ended yet. */
  readonly #children = new Set<Child>();
  /** The process that runs the service. */
  #current: Child | undefined;
  #queues: readonly ProcessorQueues[] = [];
  /** The code must be loaded, again or for the first time. */
  #isDue = true;
  #isQuitting = false;
  /** Resolves when `#isDue` is set. */
  #due: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Resolves after the first attempt to load. */
  readonly #tried: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /**
   * Runs the service, version after version, until `quit`.
   *
   * @returns 0, or the exit code of the last drain
   */
  async run(): Promise<ExitCode> {
    while (!this.#isQuitting) {
      await this.#renew();
      this.#tried.resolve();
      if (!this.#isDue) await this.#due.promise;
    }
    return await this.#drain();
  }

  /** Loads the code again, to replace the running version. */
  renew(): void {
    this.#isDue = true;
    this.#due.resolve();
  }

  /** Drains and ends. Idempotent. */
  quit(): void {
    this.#isQuitting = true;
    this.#tried.resolve();
    this.renew();
  }

  /** Ends all processes at once; the broker redelivers their messages. */
  kill(): void {
    for (const child of this.#children) child.kill();
  }

  /**
   * The queues of the last version that loaded. Waits for the first attempt; none if nothing loaded, or on a schedule.
   */
  async queues(): Promise<readonly ProcessorQueues[]> {
    await this.#tried.promise;
    return this.#queues;
  }

  /** Loads the code and, if that succeeds, replaces the running version. */
  async #renew(): Promise<void> {
    let next = await this.#load();
    if (!next) {
      this.#logWhatRuns(this.#current);
      return;
    }
    await this.#drain();
    // The drain may have taken a while: code that was edited meanwhile counts, if it loads.
    while (this.#hasWork()) {
      const newer = await this.#load();
      if (newer) {
        await next.end();
        next = newer;
      } else {
        this.#logWhatRuns(next);
      }
    }
    if (this.#isQuitting) await next.end();
    else this.#start(next);
  }

  /** A process that has loaded the code as it is now, and waits; undefined if the code does not load, or on `quit`. */
  async #load(): Promise<Child | undefined> {
    const { log, directory, onFiles } = this.#options;
    while (!this.#isQuitting) {
      this.#isDue = false;
      this.#due = Promise.withResolvers();
      const child = new Child(directory, onFiles);
      this.#children.add(child);
      void child.exited.then(() => this.#children.delete(child));
      const cancel = systemClock.after(slowLoadingMs, () =>
        log.warn('the code is still loading: does a module await something slow outside start()?'),
      );
      const replaced = this.#due.promise.then(() => undefined);
      const loading = await Promise.race([child.loading, replaced]);
      cancel();
      if (loading?.kind === 'loaded') {
        this.#queues = loading.queues;
        return child;
      }
      if (loading?.kind === 'refused') {
        for (const reason of loading.reasons) log.error(reason);
        if (loading.reasons.length === 0)
          log.error(`loading the code ended with ${describeExit(await child.exited)}`);
        return undefined;
      }
      // The code was edited again while it was loading: this version is outdated.
      await child.end();
    }
    return undefined;
  }

  #start(child: Child): void {
    const { log } = this.#options;
    this.#current = child;
    log.info(`starting the service (process ${child.pid ?? 'none'})`);
    void child.exited.then((exit) => {
      if (this.#current === child) this.#current = undefined;
      if (!child.isEnding) this.#logEnd(exit);
    });
    child.run();
  }

  /** Drains and ends the running version. Resolves with its exit code. */
  async #drain(): Promise<ExitCode> {
    const child = this.#current;
    if (!child) return exitCode.ok;
    const exit = await child.end();
    this.#current = undefined;
    if (exit.signal === 'SIGKILL') {
      this.#options.log.warn('the service did not end in time and was killed; its messages are redelivered');
      return exitCode.drainTimedOut;
    }
    // A process that has not begun to consume has no handler for SIGTERM, which then ends it: nothing to drain.
    const code = exit.signal ? exitCode.ok : exit.code;
    if (code !== exitCode.ok) this.#options.log.warn(`draining ended with ${describeExit(exit)}`);
    return Object.values(exitCode).find((known) => known === code) ?? exitCode.failed;
  }

  /** Called after code that does not load. */
  #logWhatRuns(child: Child | undefined): void {
    if (this.#isQuitting) return;
    const { log } = this.#options;
    if (child) log.warn('the service continues as it was before the change');
    else log.warn(`the service is not running; ${whenItStarts}`);
  }

  #logEnd(exit: Exit): void {
    const { log } = this.#options;
    if (exit.code === exitCode.ok) log.info(`the service has ended; ${whenItStarts}`);
    else log.error(`the service ended with ${describeExit(exit)}; ${whenItStarts}`);
  }

  #hasWork(): boolean {
    return this.#isDue && !this.#isQuitting;
  }
}

/** It does not start by itself: a service that ends at once would restart in a loop. */
const whenItStarts = 'it starts again when its code changes, or when you type r';
