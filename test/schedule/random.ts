// A seeded source of random numbers, so that a failing property test can be repeated.

/** Numbers from 0 up to 1, the same for the same seed (mulberry32, Tommy Ettinger, public domain). */
export function seeded(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    /** A whole number from `low` to `high`, both included. */
    between: (low: number, high: number) => low + below(high - low + 1),
    oneOf: <T>(choices: readonly T[]): T => choices[below(choices.length)]!,
    chance: (probability: number) => next() < probability,
  };
}

/** A seeded source of numbers. */
export type Random = ReturnType<typeof seeded>;
