// Gathers what is to be told to SQS until a batch is full or its time is up. Owns no call.
import type { Clock } from '../../clock.ts';
import { largestMessageBytes } from './text.ts';

/** SQS API: entries in one batch call. */
export const mostEntries = 10;

/** How long the first entry of a batch waits for others, in milliseconds. */
const lingerMs = 50;

export class Batch<T> {
  readonly #clock: Clock;
  readonly #send: (entries: readonly T[]) => void;
  readonly #sizeOf: (entry: T) => number;
  #entries: T[] = [];
  #size = 0;
  #cancel: (() => void) | undefined;

  /**
   * @param send told each batch; must not throw
   * @param sizeOf what an entry counts towards the size of a call, in bytes
   */
  constructor(clock: Clock, send: (entries: readonly T[]) => void, sizeOf: (entry: T) => number = () => 0) {
    this.#clock = clock;
    this.#send = send;
    this.#sizeOf = sizeOf;
  }

  add(entry: T): void {
    const size = this.#sizeOf(entry);
    if (this.#size + size > largestMessageBytes) this.flush();
    this.#entries.push(entry);
    this.#size += size;
    if (this.#entries.length >= mostEntries) return this.flush();
    this.#cancel ??= this.#clock.after(lingerMs, () => this.flush());
  }

  /** Sends what has gathered, at once. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const entries = this.#entries;
    this.#entries = [];
    this.#size = 0;
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
