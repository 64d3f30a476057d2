// Deliveries in work: holds the concurrency limit, knows what is in flight, and hands back what may not start any more.
import type { Delivery } from '../../messaging/adapter.ts';
import type { Executor } from './executor.ts';
import { requeue } from './outcome.ts';
import { Run } from './run.ts';

export class DeliveryConsumer {
  readonly #executor: Executor;
  readonly #concurrency: number;
  readonly #onFailure: (error: unknown) => void;
  /** Delivered, not started: a broker may deliver again what is still in work from a channel that was lost. */
  readonly #waiting: Delivery[] = [];
  readonly #running = new Map<Run, Promise<void>>();
  #isDraining = false;
  #accepted = 0;

  /** @param onFailure told when an outcome cannot be told to the broker, now or later: the service must end */
  constructor(executor: Executor, concurrency: number, onFailure: (error: unknown) => void) {
    this.#executor = executor;
    this.#concurrency = concurrency;
    this.#onFailure = onFailure;
  }

  /** How many deliveries are in work or wait for it. */
  get size(): number {
    return this.#running.size + this.#waiting.length;
  }

  /** How many deliveries have been accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Starts the delivery, or keeps it until there is room. Never throws. */
  accept(delivery: Delivery): void {
    this.#accepted++;
    if (this.#isDraining) return this.#handBack(delivery);
    this.#waiting.push(delivery);
    this.#startNext();
  }

  /** Hands back what has not started; nothing starts from now on. Idempotent. */
  drain(): void {
    this.#isDraining = true;
    for (const delivery of this.#waiting.splice(0)) this.#handBack(delivery);
  }

  /** Resolves when nothing is in work any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /**
   * Aborts the signal of all that is in work, and hands it back.
   *
   * @param isCulprit the one run that is not handed back, but counts as failed: it brought the process down
   * @returns how many were handed back; resolves when the broker has been told of all
   */
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
    while (this.#running.size < this.#concurrency) {
      const delivery = this.#waiting.shift();
      if (!delivery) return;
      // It comes again, to whoever has it now.
      if (delivery.lost?.aborted) this.#handBack(delivery);
      else this.#start(delivery);
    }
  }

  #start(delivery: Delivery): void {
    const run = new Run();
    this.#running.set(run, this.#run(delivery, run));
  }

  async #run(delivery: Delivery, run: Run): Promise<void> {
    try {
      await this.#executor.execute(delivery, run);
    } catch (error) {
      this.#onFailure(error);
    } finally {
      this.#running.delete(run);
      this.#startNext();
    }
  }

  #handBack(delivery: Delivery): void {
    delivery.settle(requeue).catch(this.#onFailure);
  }
}
