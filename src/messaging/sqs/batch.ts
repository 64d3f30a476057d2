// Gathers entries until a batch call is full or its time is up. Makes no call itself.
import type { Clock } from '../../clock.ts';

/** SQS API: entries in one batch call. */
export const mostEntries = 10;

/** How long the first entry of a batch waits for others, in milliseconds. */
const lingerMs = 50;

/** A batch that fills up, is sent, and fills up again. */
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

  /** Sends all that has gathered, at once. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const entries = this.#entries;
    this.#entries = [];
    if (entries.length > 0) this.#send(entries);
  }
}

/** The list in pieces that fit a batch call. */
export function inBatches<T>(list: readonly T[]): T[][] {
  const count = Math.ceil(list.length / mostEntries);
  return Array.from({ length: count }, (_, index) =>
    list.slice(index * mostEntries, (index + 1) * mostEntries),
  );
}
