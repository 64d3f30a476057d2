// Gathers entries for batch calls, until a batch is full or has waited long enough.
import type { Clock } from '../../clock.ts';

/** The largest number of entries in a batch call (SQS API). */
export const mostEntries = 10;

/** How long the first entry of a batch waits for others, in milliseconds. */
const lingerMs = 50;

/** Gathers entries, one batch after another. */
export class Batch<T> {
  readonly #clock: Clock;
  readonly #send: (entries: readonly T[]) => void;
  #entries: T[] = [];
  #cancel: (() => void) | undefined;

  /** @param send called with each batch; must not throw */
  constructor(clock: Clock, send: (entries: readonly T[]) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Adds an entry; the tenth sends the batch. */
  add(entry: T): void {
    this.#entries.push(entry);
    if (this.#entries.length >= mostEntries) return this.flush();
    this.#cancel ??= this.#clock.after(lingerMs, () => this.flush());
  }

  /** Sends the gathered entries at once. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const entries = this.#entries;
    this.#entries = [];
    if (entries.length > 0) this.#send(entries);
  }
}

/** Splits a list into pieces that fit a batch call. */
export function inBatches<T>(list: readonly T[]): T[][] {
  const count = Math.ceil(list.length / mostEntries);
  return Array.from({ length: count }, (_, index) =>
    list.slice(index * mostEntries, (index + 1) * mostEntries),
  );
}
