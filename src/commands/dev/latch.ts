// Something that happens once, and can be waited for.

export class Latch {
  /** Resolves when it has been opened. */
  readonly opened: Promise<void>;
  #open: () => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve) => (this.#open = resolve));
  }

  /** Idempotent. */
  open(): void {
    this.#open();
  }
}
