// Random numbers that a seed determines, so that the seed of a soak repeats its messages and faults.

/** A stream of random numbers (mulberry32); the same seed gives the same stream. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to just below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** One of the items, each as likely as its weight. */
  pick<Item>(items: readonly Item[], weightOf: (item: Item) => number = () => 1): Item {
    const total = items.reduce((sum, item) => sum + weightOf(item), 0);
    let rest = this.next() * total;
    const found = items.find((item) => (rest -= weightOf(item)) < 0) ?? items.at(-1);
    if (found === undefined) throw new RangeError('there is nothing to pick from');
    return found;
  }
}
