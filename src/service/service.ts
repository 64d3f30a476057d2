// One running service of any kind: its life from connecting to the exit code. It runs a Work, and ends by shutdown.ts.
import type { Clock } from '../clock.ts';
import { exitCode, SvchostError, type ExitCode } from '../errors.ts';
import type { MessageAdapter } from '../messaging/adapter.ts';
import type { MessageProcessor } from '../processor/processor.ts';
import { legible } from '../thrown.ts';
import { currentRun } from './delivery/run.ts';
import type { ServiceEvents, ServiceState } from './events.ts';
import type { InFlight } from './in-flight.ts';
import { shutDown, type Crash } from './shutdown.ts';

/** The work of a service: messages or a schedule. Its methods are called in this order, each once at most. */
export interface Work {
  /** All that has begun and not ended. */
  readonly inFlight: InFlight;
  /** How deliveries or occurrences ended, by kind. */
  readonly counts: Readonly<Record<string, number>>;
  /** Resolves when the processor may start. */
  connect(service: Service): Promise<void>;
  /** Begins, now that the processor has started. May go on until the work ends by itself. */
  start(service: Service): Promise<void>;
  /** Takes nothing more. Called at any time, also before `start`. */
  drain(): Promise<void>;
}

/** The options of every kind of service. Durations are milliseconds. */
export interface ServiceOptions {
  readonly processor: Pick<MessageProcessor, 'start' | 'stop'>;
  /** Closed last; undefined if the service uses no broker. */
  readonly adapter: Pick<MessageAdapter, 'close'> | undefined;
  readonly shutdownTimeoutMs: number;
  readonly clock: Clock;
  readonly events: ServiceEvents;
}

/** Why a service ends. */
type Cause =
  | { readonly kind: 'stopped'; readonly reason: string }
  /** It had one thing to do, and that is done, well or not. */
  | { readonly kind: 'finished'; readonly isWell: boolean }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'crashed' };

/** A service's life: connecting, starting, running, draining, stopped. The first cause to end counts. */
export class Service {
  readonly #options: ServiceOptions;
  readonly #work: Work;
  readonly #ended = Promise.withResolvers<Cause>();
  readonly #crashed = Promise.withResolvers<Crash>();
  #starting: Promise<void> | undefined;
  #isEnding = false;
  #hasCrashed = false;
  #failure: unknown;

  constructor(options: ServiceOptions, work: Work) {
    this.#options = options;
    this.#work = work;
  }

  /**
   * Runs until it is stopped, finished or failed, and has ended in order.
   *
   * @returns the exit code that tells how it went
   */
  async run(): Promise<ExitCode> {
    this.#start().catch((error: unknown) => {
      // Once the service ends, the adapter is closed, and the start that used it fails.
      if (!this.isEnding()) this.fail(error);
    });
    const cause = await this.#ended.promise;
    this.#enter('draining', cause.kind === 'stopped' ? cause.reason : undefined);
    return await this.#shutDown(cause);
  }

  /** Asks the service to drain and end. Later calls change nothing. */
  stop(reason: string): void {
    this.#end({ kind: 'stopped', reason });
  }

  /** The service had one thing to do, and that is done, well or not. */
  finish(isWell: boolean): void {
    this.#end({ kind: 'finished', isWell });
  }

  /** The service cannot go on: drain and end with the error's exit code. */
  fail(error: unknown): void {
    this.#options.events.emit({ kind: 'service-failed', thrown: error, isEnding: this.#isEnding });
    this.#failure ??= error;
    this.#end({ kind: 'failed', error });
  }

  /**
   * Something threw and nothing caught it, so the process cannot be trusted any more: requeue all work at once and end,
   * even if a drain was under way. The message whose work it came out of counts as failed, or it would bring down one
   * host after the other.
   */
  crash(cause: unknown): void {
    this.#hasCrashed = true;
    this.#options.events.emit({ kind: 'service-crashed', thrown: cause });
    this.#crashed.resolve({ run: currentRun.getStore(), cause: legible(cause) });
    this.#end({ kind: 'crashed' });
  }

  /** The first error that the service failed with; undefined if it has not failed. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Whether its end has begun; a method, since it changes between two awaits. */
  isEnding(): boolean {
    return this.#isEnding;
  }

  /** Resolves when the end begins. */
  get ending(): Promise<unknown> {
    return this.#ended.promise;
  }

  async #start(): Promise<void> {
    this.#enter('connecting');
    await this.#work.connect(this);
    if (this.isEnding()) return;
    this.#enter('starting');
    this.#starting = startProcessor(this.#options.processor);
    await this.#starting;
    if (this.isEnding()) return;
    this.#enter('running');
    await this.#work.start(this);
    // The end has drained before this start was complete: work that it began meanwhile must not go on.
    if (this.isEnding()) await this.#work.drain();
  }

  #end(cause: Cause): void {
    this.#isEnding = true;
    this.#ended.resolve(cause);
  }

  async #shutDown(cause: Cause): Promise<ExitCode> {
    const { events, shutdownTimeoutMs, adapter, processor, clock } = this.#options;
    const ending = {
      adapter,
      processor,
      clock,
      events,
      work: this.#work,
      starting: this.#starting,
      crashed: this.#crashed.promise,
    };
    const cutOff = await shutDown(ending, shutdownTimeoutMs);
    const code = this.#exitCode(cause, cutOff);
    const end = { exitCode: code, cutOff, counts: this.#work.counts };
    events.emit({ kind: 'state-changed', state: 'stopped', end });
    return code;
  }

  #enter(state: ServiceState, cause?: string): void {
    this.#options.events.emit({ kind: 'state-changed', state, ...(cause !== undefined && { cause }) });
  }

  #exitCode(cause: Cause, cutOff: number): ExitCode {
    if (this.#hasCrashed) return exitCode.failed;
    if (cause.kind === 'failed') return exitCodeOf(cause.error);
    if (cutOff > 0) return exitCode.drainTimedOut;
    return cause.kind === 'finished' && !cause.isWell ? exitCode.failed : exitCode.ok;
  }
}

/** Async, so that a `start` that throws rejects like one that rejects. */
async function startProcessor(processor: ServiceOptions['processor']): Promise<void> {
  await processor.start?.();
}

function exitCodeOf(error: unknown): ExitCode {
  const cause = legible(error);
  return cause instanceof SvchostError ? cause.exitCode : exitCode.failed;
}
