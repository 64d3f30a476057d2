// The deliveries of one queue in flight: keeps to the concurrency limit, and requeues those that must not start any
// more.
import type { Delivery } from '../../messaging/adapter.ts';
import type { InFlight, InFlightFact } from '../in-flight.ts';
import type { Executor } from './executor.ts';
import type { Floor, FloorMember } from './floor.ts';
import { Run } from './run.ts';
import type { Suspects } from './suspect.ts';

/** The executor of the deliveries, and their limit. */
export interface DeliveryConsumerOptions {
  readonly executor: Executor;
  /** The largest number of deliveries that run at once. */
  readonly concurrency: number;
  readonly suspects: Suspects;
  readonly floor: Floor;
  /** Called when the broker permanently refuses an outcome; the service must stop. */
  readonly onFailure: (error: unknown) => void;
}

/** A delivery that has started. */
interface Flight {
  readonly delivery: Delivery;
  /** Resolves at its end. */
  readonly work: Promise<void>;
}

/** The largest number of messages that are held beside the concurrency: they take up memory, and places at the broker. */
const mostHeld = 1_000;

/** Runs deliveries, up to the limit at a time. */
export class DeliveryConsumer implements InFlight, FloorMember {
  readonly #options: DeliveryConsumerOptions;
  /** Delivered but not started: after a lost channel, a broker redelivers messages that are still in flight here. */
  readonly #waiting: Delivery[] = [];
  readonly #running = new Map<Run, Flight>();
  /** Their outcomes wait for a copy that the broker refuses; see `Delivery.settle`. */
  readonly #held = new Map<Run, Flight>();
  readonly #requeues = new Set<Promise<void>>();
  #isDraining = false;
  #accepted = 0;

  constructor(options: DeliveryConsumerOptions) {
    this.#options = options;
    options.floor.join(this);
  }

  get running(): number {
    return this.#running.size;
  }

  get size(): number {
    return this.#running.size + this.#waiting.length;
  }

  /** How many deliveries have been accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many messages cannot be moved; they do not count as in flight. */
  get held(): number {
    return this.#held.size;
  }

  /** Starts the delivery, or keeps it until there is room. Never throws. */
  accept(delivery: Delivery): void {
    this.#accepted++;
    if (this.#isDraining) this.#requeue(delivery);
    else if (this.#waiting.length === 0 && this.#hasRoom()) this.#start(delivery);
    else this.#waiting.push(delivery);
  }

  resume(): void {
    while (this.#hasRoom()) {
      const delivery = this.#waiting.shift();
      if (!delivery) return;
      // The broker redelivers it, here or to another host.
      if (delivery.lost.aborted) this.#requeue(delivery);
      else this.#start(delivery);
    }
  }

  list(): readonly InFlightFact[] {
    const deliveries = [...this.#running.values()].map(({ delivery }) => delivery);
    return deliveries.map((delivery) => this.#options.executor.factOf(delivery));
  }

  drain(): void {
    this.#isDraining = true;
    // The adapter gives them up when it drains, and their ends must be recorded.
    for (const [run, flight] of this.#held) this.#running.set(run, flight);
    this.#held.clear();
    for (const delivery of this.#waiting.splice(0)) this.#requeue(delivery);
  }

  async idle(): Promise<void> {
    while (this.#running.size + this.#requeues.size > 0) {
      const works = [...this.#running.values()].map(({ work }) => work);
      await Promise.all([...works, ...this.#requeues]);
    }
  }

  async cutOff(culprit?: Run, cause?: unknown): Promise<number> {
    const runs = [...this.#running.keys()];
    for (const run of runs) {
      if (run === culprit) run.crash(cause);
      else run.cutOff();
    }
    await this.idle();
    return runs.filter((run) => run !== culprit).length;
  }

  #hasRoom(): boolean {
    const { concurrency, floor } = this.#options;
    return floor.isOpen && this.#running.size < concurrency;
  }

  #start(delivery: Delivery): void {
    const run = new Run(delivery);
    this.#running.set(run, { delivery, work: this.#run(delivery, run) });
  }

  /** Never rejects. */
  async #run(delivery: Delivery, run: Run): Promise<void> {
    const { suspects, floor, onFailure } = this.#options;
    try {
      if (this.#isSuspect(delivery)) {
        // It waits for its turn, during which the service may begin to drain.
        const isWanted = () => !this.#isDraining && !delivery.lost.aborted;
        await suspects.runAlone(delivery, isWanted, async (deaths) => {
          if (isWanted()) await this.#execute(delivery, run, deaths);
          else await this.#options.executor.requeue(delivery);
        });
      } else await this.#execute(delivery, run);
    } catch (error) {
      onFailure(error);
    } finally {
      this.#running.delete(run);
      this.#held.delete(run);
      floor.left();
      this.resume();
    }
  }

  #isSuspect(delivery: Delivery): boolean {
    const { suspects } = this.#options;
    if (!suspects.mayBeSuspect(delivery)) return false;
    // What was lost with a connection is delivered again while its first run still goes on.
    for (const { delivery: earlier } of this.#running.values()) {
      if (earlier.lost.aborted) suspects.survived(earlier);
    }
    return suspects.isSuspect(delivery);
  }

  async #execute(delivery: Delivery, run: Run, deaths = 0): Promise<void> {
    const { executor, suspects } = this.#options;
    const isSettled = await executor.execute(delivery, run, { deaths, onHeld: () => this.#hold(run) });
    if (!isSettled) suspects.survived(delivery);
  }

  /** Lets another delivery take the place of one that cannot be moved. Returns whether there is room to hold it. */
  #hold(run: Run): boolean {
    const flight = this.#running.get(run);
    if (!flight || this.#isDraining || this.#held.size >= mostHeld) return false;
    this.#running.delete(run);
    this.#held.set(run, flight);
    this.#options.floor.left();
    this.resume();
    return true;
  }

  #requeue(delivery: Delivery): void {
    const { executor, onFailure } = this.#options;
    const requeue = executor
      .requeue(delivery)
      .catch(onFailure)
      .finally(() => this.#requeues.delete(requeue));
    this.#requeues.add(requeue);
  }
}
