// The order within message groups of a FIFO queue: who may start, who waits behind whom. Pure; knows no SQS.

/** One member of each group is at work, the others wait for it in the order in which they came. */
export class GroupOrder<T> {
  readonly #groups = new Map<string, T[]>();

  /** Whether the member may start at once; else it waits. */
  add(group: string, member: T): boolean {
    const waiting = this.#groups.get(group);
    if (!waiting) {
      this.#groups.set(group, []);
      return true;
    }
    waiting.push(member);
    return false;
  }

  /** The one at work is through: the next of its group, which may start now. */
  next(group: string): T | undefined {
    const member = this.#groups.get(group)?.shift();
    if (member === undefined) this.#groups.delete(group);
    return member;
  }

  /** The one at work has failed: all that waited behind it, in order. The group is empty. */
  fail(group: string): T[] {
    const waiting = this.#groups.get(group) ?? [];
    this.#groups.delete(group);
    return waiting;
  }

  /** Nobody starts any more: all that waited, each group in order. Those at work stay at work. */
  drain(): T[] {
    return [...this.#groups.values()].flatMap((waiting) => waiting.splice(0));
  }
}
