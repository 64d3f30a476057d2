// The order within message groups of a FIFO queue: one member of a group may start, the others wait. Pure.

/** One member of each group is in flight, the others wait for it in the order in which they arrived. */
export class GroupOrder<T> {
  readonly #groups = new Map<string, T[]>();
  #waiting = 0;

  /** How many members wait, in all groups. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Adds a member. Returns whether it may start at once; if not, it waits. */
  add(group: string, member: T): boolean {
    const waiting = this.#groups.get(group);
    if (!waiting) {
      this.#groups.set(group, []);
      return true;
    }
    waiting.push(member);
    this.#waiting++;
    return false;
  }

  /** The member in flight has succeeded. Returns the next one of its group, which may start now. */
  next(group: string): T | undefined {
    const member = this.#groups.get(group)?.shift();
    if (member === undefined) this.#groups.delete(group);
    else this.#waiting--;
    return member;
  }

  /** The member in flight has failed. Returns all that waited behind it, in order; the group is empty then. */
  fail(group: string): T[] {
    const waiting = this.#groups.get(group) ?? [];
    this.#groups.delete(group);
    this.#waiting -= waiting.length;
    return waiting;
  }

  /** Takes out all that wait. Returns them, each group in order; members in flight are not affected. */
  drain(): T[] {
    this.#waiting = 0;
    return [...this.#groups.values()].flatMap((waiting) => waiting.splice(0));
  }
}
