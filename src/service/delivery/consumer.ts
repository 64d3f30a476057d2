// The deliveries of one queue in flight: keeps to the concurrency limit, and requeues those that must not start any
// more.
import type { Delivery } from '../../messaging/adapter.ts';
import type { InFlight } from '../in-flight.ts';
import type { Executor } from './executor.ts';
import { Run } from './run.ts';

/** The executor of the deliveries, and their limit. */
export interface DeliveryConsumerOptions {
  readonly executor: Executor;
  /** The largest number of deliveries that run at once. */
  readonly concurrency: number;
  /** Called when the broker permanently refuses an outcome; the service must stop. */
  readonly onFailure: (error: unknown) => void;
}

/** The largest number of messages that are held beside the concurrency: they take up memory, and places at the broker. */
const mostHeld = 1_000;

/** Runs deliveries, up to the limit at a time. */
export class DeliveryConsumer implements InFlight {
  readonly #options: DeliveryConsumerOptions;
  /** Delivered but not started: after a lost channel, a broker redelivers messages that are still in flight here. */
  readonly #waiting: Delivery[] = [];
  readonly #running = new Map<Run, Promise<void>>();
  /** Their outcomes wait for a copy that the broker refuses; see `Delivery.settle`. */
  readonly #held = new Map<Run, Promise<void>>();
  readonly #requeues = new Set<Promise<void>>();
  #isDraining = false;
  #accepted = 0;

  constructor(options: DeliveryConsumerOptions) {
    this.#options = options;
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
    else if (this.#running.size < this.#options.concurrency) this.#start(delivery);
    else this.#waiting.push(delivery);
  }

  drain(): void {
    this.#isDraining = true;
    // The adapter gives them up when it drains, and their ends must be recorded.
    for (const [run, work] of this.#held) this.#running.set(run, work);
    this.#held.clear();
    for (const delivery of this.#waiting.splice(0)) this.#requeue(delivery);
  }

  async idle(): Promise<void> {
    while (this.#running.size + this.#requeues.size > 0) {
      await Promise.all([...this.#running.values(), ...this.#requeues]);
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

  #startNext(): void {
    while (this.#running.size < this.#options.concurrency) {
      const delivery = this.#waiting.shift();
      if (!delivery) return;
      // The broker redelivers it, here or to another host.
      if (delivery.lost.aborted) this.#requeue(delivery);
      else this.#start(delivery);
    }
  }

  #start(delivery: Delivery): void {
    const run = new Run(delivery);
    this.#running.set(run, this.#run(delivery, run));
  }

  async #run(delivery: Delivery, run: Run): Promise<void> {
    const { executor, onFailure } = this.#options;
    try {
      await executor.execute(delivery, run, () => this.#hold(run));
    } catch (error) {
      onFailure(error);
    } finally {
      this.#running.delete(run);
      this.#held.delete(run);
      this.#startNext();
    }
  }

  /** Lets another delivery take the place of one that cannot be moved. Returns whether there is room to hold it. */
  #hold(run: Run): boolean {
    const work = this.#running.get(run);
    if (!work || this.#isDraining || this.#held.size >= mostHeld) return false;
    this.#running.delete(run);
    this.#held.set(run, work);
    this.#startNext();
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
