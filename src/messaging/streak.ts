// Counts losses in a row: of connections and channels that open again and again, and do not last. Pure.

/** What lasted this long, in milliseconds, ends the streak when it is lost. */
const steadyMs = 10_000;

/** The losses in a row of one connection or channel. Instants are milliseconds of one clock. */
export class LossStreak {
  #openedAt = -Infinity;
  #losses = 0;

  /** How many losses in a row there were. */
  get losses(): number {
    return this.#losses;
  }

  opened(now: number): void {
    this.#openedAt = now;
  }

  /** Returns the number of losses in a row, this one included. */
  lost(now: number): number {
    this.#losses = now - this.#openedAt < steadyMs ? this.#losses + 1 : 1;
    return this.#losses;
  }
}
