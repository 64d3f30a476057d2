// A service driven by a schedule: runs its processor at each occurrence that this replica may run.
import { within } from '../clock.ts';
import { BrokerRefusedError, toError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { MessageAdapter } from '../messaging/adapter.ts';
import { claimMemoryMs } from '../messaging/capability.ts';
import type { ScheduleContext, ScheduleProcessor } from '../processor/processor.ts';
import { ScheduleRunner } from '../schedule/runner.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { formatInstant } from '../schedule/wall-clock.ts';
import { OccurrenceExecutor } from './occurrence.ts';
import { Service, type ServiceOptions, type Work } from './service.ts';

/** The broker through which a service's replicas agree which of them runs an occurrence. */
export interface SharedSchedule {
  readonly adapter: Pick<MessageAdapter, 'address' | 'connect'>;
  /** Claims an occurrence of this service's schedule; see Claiming. */
  readonly claim: (occurrence: Date) => Promise<boolean>;
}

/** The options of a service driven by a schedule. Durations are milliseconds. */
export interface ScheduleServiceOptions extends ServiceOptions {
  readonly schedule: Schedule;
  /** `once`: one run now, regardless of the schedule and of other replicas. */
  readonly mode: 'schedule' | 'once';
  readonly runAtStartup: boolean;
  /** Undefined if each replica runs every time. */
  readonly shared: SharedSchedule | undefined;
  readonly processor: ScheduleProcessor;
  /** For the context. */
  readonly send: ScheduleContext['send'];
  /** Undefined for no limit. */
  readonly processTimeoutMs: number | undefined;
  /** The processor's logger. */
  readonly processorLog: Logger;
}

/** How long the broker may take to answer a claim, in milliseconds; after that the occurrence is skipped. */
const claimTimeoutMs = 5_000;

/** How late an occurrence may be claimed, in milliseconds: claims are kept twice as long, as clocks may differ. */
const claimLatenessMs = claimMemoryMs / 2;

/** Creates a service that follows this schedule; it is not started yet. */
export function createScheduleService(options: ScheduleServiceOptions): Service {
  return new Service(options, new ScheduleWork(options));
}

class ScheduleWork implements Work {
  readonly inFlight: OccurrenceExecutor;
  readonly counts = { done: 0, failed: 0, timeout: 0, elsewhere: 0, skipped: 0 };
  readonly #options: ScheduleServiceOptions;
  readonly #runner: ScheduleRunner;
  #connecting: Promise<void> | undefined;
  #service: Service | undefined;

  constructor(options: ScheduleServiceOptions) {
    const { shared, events } = options;
    this.#options = options;
    this.inFlight = new OccurrenceExecutor({
      ...options,
      claim: shared && (async (occurrence) => await this.#claim(shared, occurrence)),
    });
    this.#runner = new ScheduleRunner({
      ...options,
      onDue: async (occurrence) => {
        await this.inFlight.execute(occurrence);
      },
      onSkipped: ({ reason: cause, first: scheduledFor, count }) =>
        events.emit({ kind: 'occurrence-skipped', scheduledFor, count, cause, thrown: undefined }),
    });
    events.listen((event) => {
      if (event.kind === 'occurrence-ended') this.counts[event.outcome]++;
      if (event.kind !== 'occurrence-skipped') return;
      this.counts[event.cause === 'elsewhere' ? 'elsewhere' : 'skipped'] += event.count;
    });
  }

  /** Does not wait for the broker: occurrences that fall due while it is away are skipped, and logged. */
  connect(service: Service): Promise<void> {
    this.#service = service;
    this.#connecting = this.#options.shared?.adapter.connect();
    this.#connecting?.catch((error: unknown) => {
      // The shutdown closes the connection, even one that is being made.
      if (!service.isEnding()) service.fail(error);
    });
    return Promise.resolve();
  }

  async start(service: Service): Promise<void> {
    const { mode, runAtStartup, clock } = this.#options;
    if (mode === 'once') {
      const outcome = await this.inFlight.execute(new Date(clock.now()));
      service.finish(outcome === 'done');
    } else {
      this.#announce();
      await this.#runner.run(runAtStartup);
    }
  }

  drain(): Promise<void> {
    this.#runner.drain();
    return Promise.resolve();
  }

  #announce(): void {
    const { schedule, clock, events } = this.#options;
    const { timezone } = schedule;
    const next = formatInstant(schedule.next(new Date(clock.now())), timezone);
    events.emit({ kind: 'schedule-started', schedule: schedule.describe(), timezone, next });
  }

  async #claim({ adapter, claim }: SharedSchedule, occurrence: Date): Promise<boolean> {
    const { clock } = this.#options;
    if (clock.now() - occurrence.getTime() > claimLatenessMs) throw new Error('it was due too long ago');
    const claimed = Promise.resolve(this.#connecting).then(() => claim(occurrence));
    try {
      // A later answer must not count: by then this replica has reported that it skips the occurrence.
      const answer = await within(clock, claimTimeoutMs, claimed);
      if (answer === 'late') throw new Error(`${adapter.address} does not answer`);
      return await claimed;
    } catch (error) {
      // The next claim would be refused as well.
      if (error instanceof BrokerRefusedError && !this.#service?.isEnding()) this.#service?.fail(error);
      throw toError(error);
    }
  }
}
