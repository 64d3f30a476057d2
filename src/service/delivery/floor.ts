// Who may run in this process: all that the concurrency allows, or one suspect alone.
import { sleep, type Clock } from '../../clock.ts';

/** The deliveries of one queue. */
export interface FloorMember {
  /** How many deliveries run. */
  readonly running: number;
  /** Called when deliveries may start again. */
  resume(): void;
}

/** Shared by the queues of one process: a crash ends them all. */
export class Floor {
  readonly #clock: Clock;
  readonly #members: FloorMember[] = [];
  /** The delivery that has the floor. */
  #holder: object | undefined;
  #onQuiet: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether deliveries may start. */
  get isOpen(): boolean {
    return this.#holder === undefined;
  }

  join(member: FloorMember): void {
    this.#members.push(member);
  }

  /**
   * Lets nothing start until `holder` frees the floor. The holder itself counts as running.
   *
   * @param limitMs how long to wait for the others to end
   * @returns whether the holder is alone
   */
  async take(holder: object, limitMs: number): Promise<boolean> {
    this.#holder = holder;
    // The holder joins the running in this turn.
    await Promise.resolve();
    if (this.#isQuiet()) return true;
    const quiet = new AbortController();
    this.#onQuiet = () => quiet.abort();
    await sleep(this.#clock, limitMs, quiet.signal);
    this.#onQuiet = undefined;
    return this.#isQuiet();
  }

  /** Must be called after each end of a delivery. */
  left(): void {
    if (this.#onQuiet && this.#isQuiet()) this.#onQuiet();
  }

  /** Lets deliveries start again, unless another holder has the floor by now. */
  free(holder: object): void {
    if (this.#holder !== holder) return;
    this.#holder = undefined;
    for (const member of this.#members) member.resume();
  }

  #isQuiet(): boolean {
    return this.#members.reduce((sum, { running }) => sum + running, 0) <= 1;
  }
}
