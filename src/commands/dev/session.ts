// One session of `svchost dev`: which version of the code runs. New code replaces the old only once it has loaded, and
// after the old has drained; code that does not load replaces nothing. Owns no file and no terminal.
import { systemClock } from '../../clock.ts';
import type { QueueNames } from '../../config/queue-name.ts';
import { exitCode, type ExitCode } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { Child, describeExit, type Exit } from './child.ts';
import { Latch } from './latch.ts';

/** How long code may load before a word about it, in milliseconds. */
const slowLoadingMs = 5_000;

export interface SessionOptions {
  /** The service's. */
  readonly directory: string;
  /** Told which files the code consists of, as they are imported. */
  readonly onFiles: (files: readonly string[]) => void;
  readonly log: Logger;
}

export class Session {
  readonly #options: SessionOptions;
  /** All processes that have not ended. */
  readonly #children = new Set<Child>();
  /** Runs the service. */
  #current: Child | undefined;
  #queues: QueueNames | undefined;
  /** The code is to be loaded, anew or for the first time. */
  #isDue = true;
  #isQuitting = false;
  /** Opened with `#isDue`. */
  #due = new Latch();
  /** Opened when the code has been loaded for the first time, or not. */
  readonly #tried = new Latch();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /**
   * Runs the service, each time anew, until `quit`.
   *
   * @returns 0, or what the last drain ended with
   */
  async run(): Promise<ExitCode> {
    while (!this.#isQuitting) {
      await this.#renew();
      this.#tried.open();
      if (!this.#isDue) await this.#due.opened;
    }
    return await this.#drain();
  }

  /** The code is to be loaded anew, and to replace what runs. */
  renew(): void {
    this.#isDue = true;
    this.#due.open();
  }

  /** Drains and ends. Idempotent. */
  quit(): void {
    this.#isQuitting = true;
    this.#tried.open();
    this.renew();
  }

  /** Ends all processes at once; the broker delivers again what they held. */
  kill(): void {
    for (const child of this.#children) child.kill();
  }

  /** The queues of the code that loaded last, once loading was tried; undefined where none has, or on a schedule. */
  async queues(): Promise<QueueNames | undefined> {
    await this.#tried.opened;
    return this.#queues;
  }

  /** Loads the code and, where that goes well, puts it in the place of what runs. */
  async #renew(): Promise<void> {
    let next = await this.#load();
    if (!next) {
      this.#tellWhatRuns(this.#current);
      return;
    }
    await this.#drain();
    // The drain may have taken a while: what was edited meanwhile counts, if it loads.
    while (this.#hasWork()) {
      const newer = await this.#load();
      if (newer) {
        await next.end();
        next = newer;
      } else {
        this.#tellWhatRuns(next);
      }
    }
    if (this.#isQuitting) await next.end();
    else this.#start(next);
  }

  /** A process that has loaded the code as it is now, and waits; undefined where it does not load, or nobody wants it. */
  async #load(): Promise<Child | undefined> {
    const { log, directory, onFiles } = this.#options;
    while (!this.#isQuitting) {
      this.#isDue = false;
      this.#due = new Latch();
      const child = new Child(directory, onFiles);
      this.#children.add(child);
      void child.exited.then(() => this.#children.delete(child));
      const cancel = systemClock.after(slowLoadingMs, () =>
        log.warn('the code is still loading: does a module await something for long, outside of start()?'),
      );
      const replaced = this.#due.opened.then(() => undefined);
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
      // Edited again while it was loading: that version is of no interest any more.
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
      if (!child.isEnding) this.#tellEnd(exit);
    });
    child.run();
  }

  /** Ends what runs in order. Returns the code that tells how that went. */
  async #drain(): Promise<ExitCode> {
    const child = this.#current;
    if (!child) return exitCode.ok;
    const exit = await child.end();
    this.#current = undefined;
    if (exit.signal === 'SIGKILL') {
      this.#options.log.warn(
        'the service did not end in time and was killed; its messages are delivered again',
      );
      return exitCode.drainTimedOut;
    }
    // By SIGTERM itself it ends where it had not begun to consume.
    const code = exit.signal ? exitCode.ok : exit.code;
    if (code !== exitCode.ok) this.#options.log.warn(`draining ended with ${describeExit(exit)}`);
    return Object.values(exitCode).find((known) => known === code) ?? exitCode.failed;
  }

  /** After code that does not load. */
  #tellWhatRuns(child: Child | undefined): void {
    if (this.#isQuitting) return;
    const { log } = this.#options;
    if (child) log.warn('the service goes on as it was before the change');
    else log.warn(`the service does not run; ${whenItStarts}`);
  }

  #tellEnd(exit: Exit): void {
    const { log } = this.#options;
    if (exit.code === exitCode.ok) log.info(`the service has ended; ${whenItStarts}`);
    else log.error(`the service ended with ${describeExit(exit)}; ${whenItStarts}`);
  }

  #hasWork(): boolean {
    return this.#isDue && !this.#isQuitting;
  }
}

/** Never by itself: what ends at once would be started again and again. */
const whenItStarts = 'it starts when its code changes, or with r';
