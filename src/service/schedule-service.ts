// One running service on a schedule: starts the processor, runs it when it is due, and ends. The counterpart of
// MessageService, with the same ways to end it.
import { within, type Clock } from '../clock.ts';
import { BrokerRefusedError, type ExitCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import { claimMemoryMs, type MessageAdapter } from '../messaging/adapter.ts';
import type { ScheduleProcessor } from '../processor/processor.ts';
import { ScheduleRunner, type Skipped } from '../schedule/runner.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { formatInstant } from '../schedule/wall-clock.ts';
import { Life } from './service.ts';
import { OccurrenceExecutor } from './occurrence.ts';
import { shutDown } from './shutdown.ts';

/** What the replicas of a service share, so that one of them runs an occurrence. */
export interface SharedSchedule {
  readonly adapter: Pick<MessageAdapter, 'address' | 'connect' | 'close'>;
  /** Claims an occurrence of this service's schedule; see MessageAdapter.claimOccurrence. */
  readonly claim: (occurrence: Date) => Promise<boolean>;
}

export interface ScheduleServiceOptions {
  readonly schedule: Schedule;
  /** `once`: one run now, without the schedule and its replicas. */
  readonly mode: 'schedule' | 'once';
  readonly runAtStartup: boolean;
  /** Undefined where each replica runs every time. */
  readonly shared: SharedSchedule | undefined;
  readonly processor: ScheduleProcessor;
  /** Undefined for no limit. */
  readonly processTimeoutMs: number | undefined;
  readonly shutdownTimeoutMs: number;
  readonly clock: Clock;
  /** The host's own logger. */
  readonly log: Logger;
  /** The processor's logger. */
  readonly processorLog: Logger;
}

/** How long the broker may take to say whose an occurrence is, in milliseconds; after that it is skipped. */
const claimTimeoutMs = 5_000;

/** How late an occurrence may be claimed, in milliseconds: the other half is for clocks of replicas that differ. */
const claimLatenessMs = claimMemoryMs / 2;

export class ScheduleService {
  readonly #options: ScheduleServiceOptions;
  readonly #life: Life;
  readonly #executor: OccurrenceExecutor;
  readonly #runner: ScheduleRunner;
  #connecting: Promise<void> | undefined;

  constructor(options: ScheduleServiceOptions) {
    const { shared } = options;
    this.#options = options;
    this.#life = new Life(options.log);
    this.#executor = new OccurrenceExecutor({
      ...options,
      claim: shared && (async (occurrence) => await this.#claim(shared, occurrence)),
    });
    this.#runner = new ScheduleRunner({
      ...options,
      onDue: async (occurrence) => {
        await this.#executor.execute(occurrence);
      },
      onSkipped: (skipped) => this.#recordSkipped(skipped),
    });
  }

  /**
   * Runs until it is stopped or failed, and has ended in order.
   *
   * @returns the exit code that tells how it went
   */
  async run(): Promise<ExitCode> {
    this.#start().catch((error: unknown) => {
      if (!this.#life.isEnding()) this.fail(error);
    });
    return await this.#shutDown();
  }

  /** Asks the service to drain and end. Later calls change nothing. */
  stop(reason: string): void {
    this.#life.stop(reason);
  }

  /** The service cannot go on: drain and end with the error's exit code. */
  fail(error: unknown): void {
    this.#life.fail(error);
  }

  /** Something threw and nothing caught it, so the process cannot be trusted any more: end at once. */
  crash(cause: unknown): void {
    this.#life.crash(cause);
  }

  async #start(): Promise<void> {
    const { processor, mode, runAtStartup, shared } = this.#options;
    // Not awaited: what falls due while the broker is away is skipped, and said to be.
    this.#connecting = shared?.adapter.connect();
    this.#connecting?.catch((error: unknown) => {
      // Its end closes the connection, also one that is being made.
      if (!this.#life.isEnding()) this.fail(error);
    });
    await this.#life.startProcessor(processor);
    if (this.#life.isEnding()) return;
    if (mode === 'once') {
      await this.#runOnce();
    } else {
      this.#announce();
      await this.#runner.run(runAtStartup);
    }
  }

  async #runOnce(): Promise<void> {
    const outcome = await this.#executor.execute(new Date(this.#options.clock.now()));
    this.#life.finish(outcome === 'done');
  }

  #announce(): void {
    const { schedule, clock, log } = this.#options;
    const next = formatInstant(schedule.next(new Date(clock.now())), schedule.timezone);
    const fields = { schedule: schedule.describe(), timezone: schedule.timezone, next };
    log.info(fields, `running ${schedule.describe()}; next run at ${next}`);
  }

  async #claim({ adapter, claim }: SharedSchedule, occurrence: Date): Promise<boolean> {
    const { clock } = this.#options;
    if (clock.now() - occurrence.getTime() > claimLatenessMs) throw new Error('it is too long past');
    let isOurs: boolean | undefined;
    const claiming = async () => {
      await this.#connecting;
      isOurs = await claim(occurrence);
    };
    try {
      await within(clock, claimTimeoutMs, claiming());
    } catch (error) {
      // The next claim would be refused as well.
      if (error instanceof BrokerRefusedError && !this.#life.isEnding()) this.fail(error);
      throw error;
    }
    // What is answered later must not count: by then this replica has said that it skips the occurrence.
    if (isOurs === undefined) throw new Error(`${adapter.address} does not answer`);
    return isOurs;
  }

  #recordSkipped({ reason, first, count }: Skipped): void {
    this.#executor.counts.skipped += count;
    const why =
      reason === 'busy' ? 'the run before took too long' : 'the clock was put on, or the machine slept';
    this.#options.log.warn({ scheduledFor: first, reason: why, skipped: count }, 'occurrence skipped');
  }

  async #shutDown(): Promise<ExitCode> {
    const { shared, processor, clock, log, shutdownTimeoutMs } = this.#options;
    const cause = await this.#life.ended;
    if (cause.kind === 'stopped') log.info({ reason: cause.reason }, 'draining');
    const drain = () => {
      this.#runner.drain();
      return Promise.resolve();
    };
    const ending = {
      adapter: shared?.adapter,
      subscription: { drain, stop: drain },
      deliveries: this.#executor,
      processor,
      starting: this.#life.starting,
      crashed: this.#life.crashed,
      clock,
      log,
    };
    const cutOff = await shutDown(ending, shutdownTimeoutMs);
    log.info({ ...this.#executor.counts, cutOff }, 'stopped');
    return this.#life.exitCode(cause, cutOff);
  }
}
