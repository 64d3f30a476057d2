// How long a service lives: from its processor's start until it is told to stop, fails or crashes, whichever comes first.
// Owns no order of ending (shutdown.ts).
import { exitCode, SvchostError, type ExitCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { MessageProcessor } from '../processor/processor.ts';
import { describeThrown, legible } from './delivery/failure.ts';
import { currentRun } from './delivery/run.ts';
import type { Crash } from './shutdown.ts';

/** Why a service ends. */
export type Cause =
  | { readonly kind: 'stopped'; readonly reason: string }
  /** It had one thing to do, and that is done, well or not. */
  | { readonly kind: 'finished'; readonly isWell: boolean }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'crashed' };

/** One service's life. The first cause counts; a crash shortens also an end that was under way. */
export class Life {
  /** Resolves with the first cause. */
  readonly ended: Promise<Cause>;
  /** Resolves when nothing caught an error. */
  readonly crashed: Promise<Crash>;
  readonly #log: Logger;
  #end: (cause: Cause) => void = () => undefined;
  #endAtOnce: (crash: Crash) => void = () => undefined;
  #starting: Promise<void> | undefined;
  #isEnding = false;
  #hasCrashed = false;
  #failure: unknown;

  constructor(log: Logger) {
    this.#log = log;
    this.ended = new Promise((resolve) => {
      this.#end = (cause) => {
        this.#isEnding = true;
        resolve(cause);
      };
    });
    this.crashed = new Promise((resolve) => (this.#endAtOnce = resolve));
  }

  isEnding(): boolean {
    return this.#isEnding;
  }

  /** What it failed with first; undefined where it has not. */
  get failure(): unknown {
    return this.#failure;
  }

  /** The processor's `start`, once it has been called. */
  get starting(): Promise<void> | undefined {
    return this.#starting;
  }

  /** Awaits the processor's `start`, where it has one. Rejects as it does. */
  startProcessor(processor: Pick<MessageProcessor, 'start'>): Promise<void> {
    const start = async () => {
      await processor.start?.();
    };
    return (this.#starting = start());
  }

  stop(reason: string): void {
    this.#end({ kind: 'stopped', reason });
  }

  finish(isWell: boolean): void {
    this.#end({ kind: 'finished', isWell });
  }

  fail(error: unknown): void {
    if (this.#isEnding) this.#log.error({ error: describeThrown(error) }, 'failed while ending');
    else this.#log.fatal({ error: describeThrown(error) }, 'the service failed; ending');
    this.#failure ??= error;
    this.#end({ kind: 'failed', error });
  }

  crash(cause: unknown): void {
    this.#hasCrashed = true;
    this.#log.fatal({ error: describeThrown(cause) }, 'nothing caught an error; ending');
    this.#endAtOnce({ run: currentRun.getStore(), cause: legible(cause) });
    this.#end({ kind: 'crashed' });
  }

  /** The exit code after an end by `cause` in which so many runs were cut off. */
  exitCode(cause: Cause, cutOff: number): ExitCode {
    if (this.#hasCrashed) return exitCode.failed;
    if (cause.kind === 'failed') return exitCodeOf(cause.error);
    if (cutOff > 0) return exitCode.drainTimedOut;
    return cause.kind === 'finished' && !cause.isWell ? exitCode.failed : exitCode.ok;
  }
}

function exitCodeOf(error: unknown): ExitCode {
  const cause = legible(error);
  return cause instanceof SvchostError ? cause.exitCode : exitCode.failed;
}
