// One running service of any kind, from connecting to the exit code. It runs a Work, and shutdown.ts ends it.
import type { Clock } from '../clock.ts';
import { exitCode, SvchostError, type ExitCode } from '../errors.ts';
import type { MessageAdapter } from '../messaging/adapter.ts';
import type { MessageProcessor } from '../processor/processor.ts';
import { legible } from '../thrown.ts';
import { currentRun } from './delivery/run.ts';
import type { ServiceEvents, ServiceState } from './events.ts';
import type { InFlight, InFlightFact } from './in-flight.ts';
import { shutDown, type Crash } from './shutdown.ts';

/** The work of a service: messages or a schedule. `connect` and `start` are called in this order, once at most. */
export interface Work {
  /** All that has begun and not ended. */
  readonly inFlight: InFlight;
  /** How deliveries or occurrences ended, by kind. */
  readonly counts: Readonly<Record<string, number>>;
  /** Resolves when the processor may start. */
  connect(service: Service): Promise<void>;
  /** Begins the work; the processor has started. May resolve only when the work has ended by itself. */
  start(service: Service): Promise<void>;
  /** Takes no more work. Called at any time, even before `start`. Idempotent. */
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

/** How much of the work in flight is listed. */
const mostListed = 100;

/** Why a service ends. */
type Cause =
  | { readonly kind: 'stopped'; readonly reason: string }
  /** A job has nothing left to do, except for so many messages that cannot be moved. */
  | { readonly kind: 'completed'; readonly left: number }
  /** Its only run is over, with success or without. */
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
   * Runs until the service is stopped, finished or failed, and has shut down.
   *
   * @returns the exit code of the process
   */
  async run(): Promise<ExitCode> {
    this.#start().catch((error: unknown) => {
      // The shutdown closes the adapter, so a start that still uses it fails; that is no failure of the service.
      if (!this.isEnding()) this.fail(error);
    });
    const cause = await this.#ended.promise;
    this.#enter('draining', reasonOf(cause));
    return await this.#shutDown(cause);
  }

  /** Asks the service to drain and end. Later calls change nothing. */
  stop(reason: string): void {
    this.#end({ kind: 'stopped', reason });
  }

  /** Asks a job that has nothing left to do to drain and end, except for `left` messages that cannot be moved. */
  complete(left: number): void {
    this.#end({ kind: 'completed', left });
  }

  /** Ends the service because its only run is over, with success or without. */
  finish(isWell: boolean): void {
    this.#end({ kind: 'finished', isWell });
  }

  /** Drains and ends with the error's exit code: the service cannot go on. */
  fail(error: unknown): void {
    this.#options.events.emit({ kind: 'service-failed', thrown: error, isEnding: this.#isEnding });
    this.#failure ??= error;
    this.#end({ kind: 'failed', error });
  }

  /**
   * Ends at once after an uncaught error, even during a drain: the process cannot be trusted any more, so all work is
   * requeued. The message that caused the error counts as failed, or it would bring down one host after another.
   */
  crash(cause: unknown): void {
    this.#hasCrashed = true;
    this.#options.events.emit({ kind: 'service-crashed', thrown: cause });
    this.#crashed.resolve({ run: currentRun.getStore(), cause: legible(cause) });
    this.#end({ kind: 'crashed' });
  }

  /** What is in flight, the first hundred, without content. */
  inFlight(): readonly InFlightFact[] {
    return this.#work.inFlight.list().slice(0, mostListed);
  }

  /** The first error that the service failed with; undefined if it has not failed. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Whether the shutdown has begun. A method, since TypeScript takes a property to be the same after an await. */
  isEnding(): boolean {
    return this.#isEnding;
  }

  /** Resolves when the shutdown begins. */
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
    // The shutdown drained before this start was complete: work begun since then must be drained too.
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
    if (cause.kind === 'completed' && cause.left > 0) return exitCode.drainTimedOut;
    return cause.kind === 'finished' && !cause.isWell ? exitCode.failed : exitCode.ok;
  }
}

/** Why the service drains, for people; undefined if other events have said so. */
function reasonOf(cause: Cause): string | undefined {
  if (cause.kind === 'stopped') return cause.reason;
  if (cause.kind !== 'completed') return undefined;
  const rest = cause.left > 0 ? `; messages that cannot be moved: ${cause.left}` : '';
  return `finished: the queue is empty${rest}`;
}

/** Async, so that a `start` that throws is handled like one that rejects. */
async function startProcessor(processor: ServiceOptions['processor']): Promise<void> {
  await processor.start?.();
}

function exitCodeOf(error: unknown): ExitCode {
  const cause = legible(error);
  return cause instanceof SvchostError ? cause.exitCode : exitCode.failed;
}
