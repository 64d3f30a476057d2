// Finds the message that takes down its host. After one death, all that were in flight are suspects: each runs alone, and
// is noted in a journal before it starts. Only what dies alone again and again is guilty.
import { createHash } from 'node:crypto';
import { within, type Clock } from '../../clock.ts';
import type { Delivery } from '../../messaging/adapter.ts';
import type { Capabilities, CrashJournal } from '../../messaging/capability.ts';
import type { ServiceEvents } from '../events.ts';
import type { Floor } from './floor.ts';

/**
 * How long a suspect waits for others to end, and how long it then keeps them from starting, in milliseconds: a message
 * may take hours, and must not hold up the others for that long.
 */
const aloneMs = 10_000;

/** How long the journal may take, in milliseconds. */
const journalMs = 5_000;

/** A broker that loses its journal still has counts: so many times the limit are too many for bad luck. */
const spareFactor = 10;

/** How many survivors of a lost connection are remembered. */
const mostSurvivors = 10_000;

/** The queue's broker, and the rules. */
export interface SuspectsOptions {
  readonly capabilities: Pick<Capabilities, 'countsCrashes' | 'countsEveryDelivery' | 'journalsCrashes'>;
  readonly queueName: string;
  readonly journal: CrashJournal;
  readonly floor: Floor;
  readonly concurrency: number;
  /** RETRY_MAX_ATTEMPTS */
  readonly maxAttempts: number;
  /** CRASH_MAX_DELIVERIES */
  readonly crashMaxDeliveries: number;
  readonly clock: Clock;
  readonly events: ServiceEvents;
}

/** The suspects among the deliveries of one queue. */
export class Suspects {
  readonly #options: SuspectsOptions;
  /** Messages that were in flight here when the connection was lost: their redelivery proves no death. */
  readonly #survivors = new Set<string>();

  constructor(options: SuspectsOptions) {
    this.#options = options;
  }

  /** Whether `isSuspect` must be asked; cheap. */
  mayBeSuspect({ crashes, redelivered }: Delivery): boolean {
    return crashes > 0 || redelivered;
  }

  /** Whether a host may have died on this message before. */
  isSuspect(delivery: Delivery): boolean {
    const { capabilities, maxAttempts } = this.#options;
    const { crashes, attempt } = delivery;
    // What is handed out more often than it is tried has been lost at least once.
    if (capabilities.countsEveryDelivery) return attempt > maxAttempts;
    if (crashes === 0 && capabilities.countsCrashes) return false;
    return !this.#survivors.delete(identityOf(delivery));
  }

  /** Notes that the delivery was lost while this host lived on. */
  survived(delivery: Delivery): void {
    if (this.#survivors.size < mostSurvivors) this.#survivors.add(identityOf(delivery));
  }

  /**
   * Runs a suspect alone: nothing else starts before it has ended, or has run for ten seconds.
   *
   * @param isWanted whether it may still run, now that it has waited for its turn; if not, `run` has to end it
   * @param run called with how many times a host has died of it
   */
  async runAlone(
    delivery: Delivery,
    isWanted: () => boolean,
    run: (deaths: number) => Promise<void>,
  ): Promise<void> {
    const { floor } = this.#options;
    try {
      const isAlone = await floor.take(delivery, aloneMs);
      if (isWanted()) await this.#run(delivery, isAlone, run);
      else await run(0);
    } finally {
      floor.free(delivery);
    }
  }

  async #run(delivery: Delivery, isAlone: boolean, run: (deaths: number) => Promise<void>): Promise<void> {
    const { floor, clock } = this.#options;
    const identity = identityOf(delivery);
    const deaths = this.#deaths(delivery, isAlone ? await this.#noteStart(identity) : 0);
    this.#report(delivery, isAlone, deaths);
    const cancel = clock.after(aloneMs, () => floor.free(delivery));
    try {
      await run(deaths);
    } finally {
      cancel();
      // Not awaited: the message has its outcome, and must not count as in flight any longer.
      if (isAlone) void this.#noteEnd(identity);
    }
  }

  #deaths({ crashes, attempt }: Delivery, notedStarts: number): number {
    const { capabilities, concurrency, maxAttempts, crashMaxDeliveries } = this.#options;
    // At concurrency 1 it was alone the first time as well.
    const deaths = notedStarts + (concurrency === 1 ? 1 : 0);
    const losses = capabilities.countsEveryDelivery ? attempt - 1 - maxAttempts : crashes;
    const isTooUnlucky = !capabilities.journalsCrashes && losses >= spareFactor * crashMaxDeliveries;
    return isTooUnlucky ? losses : deaths;
  }

  #report({ messageId, attempt }: Delivery, isAlone: boolean, deaths: number): void {
    const { events, queueName: queue } = this.#options;
    events.emit({ kind: 'delivery-isolated', queue, messageId, attempt, isAlone, deaths });
  }

  /** Returns how often the message was started alone before. */
  async #noteStart(identity: string): Promise<number> {
    const { journal, queueName } = this.#options;
    let starts = 0;
    await this.#note(async () => {
      starts = await journal.noteStart(queueName, identity);
    });
    return starts;
  }

  async #noteEnd(identity: string): Promise<void> {
    const { journal, queueName } = this.#options;
    await this.#note(() => journal.noteEnd(queueName, identity));
  }

  /** A journal that fails stops no message. */
  async #note(write: () => Promise<void>): Promise<void> {
    const { clock, events, queueName: queue } = this.#options;
    try {
      const end = await within(clock, journalMs, write());
      if (end === 'late') throw new Error(`no answer within ${journalMs / 1000} s`);
    } catch (thrown) {
      events.emit({ kind: 'crash-journal-failed', queue, thrown });
    }
  }
}

/** The same at each delivery of a message, even if its sender gave it no id. Of equal messages, each is suspect. */
function identityOf({ body, enqueuedAt, correlationId = '' }: Delivery): string {
  const hash = createHash('sha256').update(`${enqueuedAt?.getTime() ?? ''}\n${correlationId}\n`);
  return hash.update(body).digest('hex');
}
