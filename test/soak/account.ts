// Accounts for every number of a soak: what was sent against what was processed and what became a dead letter. Pure.
import type { Ending } from './kind.ts';

/** A message that was sent. */
export interface Sent {
  readonly number: number;
  readonly ending: Ending;
  /** How often it may be in the queue: 0 at least if no send of it was confirmed. */
  readonly copies: { readonly least: number; readonly most: number };
}

/** What a soak has found at its end. */
export interface Found {
  /** For each number, how often `process` has returned. */
  readonly processed: ReadonlyMap<number, number>;
  /** The dead letters: their number, and why. */
  readonly dead: readonly { readonly number: number; readonly reason: string }[];
  /** How many messages the queue still holds, waiting or in flight, though nothing disturbs it any more. */
  readonly left: number;
}

/** A soak in numbers; all but `sent`, `processed`, `dead` and `duplicates` must be empty. */
export interface Account {
  readonly sent: number;
  readonly processed: number;
  readonly dead: number;
  /** Neither processed nor dead, though the broker has confirmed them. */
  readonly lost: readonly number[];
  readonly stuck: number;
  /** Dead, though nothing was wrong with them. */
  readonly innocents: readonly string[];
  /** Poison with an end of another kind: processed, or dead for another reason. */
  readonly wrong: readonly string[];
  /** Ends beyond the first that nobody has sent twice. */
  readonly duplicates: number;
}

/** Accounts for each message that was sent. */
export function accountFor(sent: readonly Sent[], found: Found): Account {
  const reasons = new Map<number, string[]>();
  for (const { number, reason } of found.dead) {
    reasons.set(number, [...(reasons.get(number) ?? []), reason]);
  }
  const lost: number[] = [];
  const innocents: string[] = [];
  const wrong: string[] = [];
  let duplicates = 0;
  for (const { number, ending, copies } of sent) {
    const processed = found.processed.get(number) ?? 0;
    const dead = reasons.get(number) ?? [];
    const ends = processed + dead.length;
    if (ends === 0 && copies.least > 0) lost.push(number);
    duplicates += Math.max(0, ends - copies.most);
    for (const reason of dead) {
      if (ending === 'done') innocents.push(`${number}: ${reason}`);
      else if (!ending.some((expected) => expected === reason)) wrong.push(`${number}: ${reason}`);
    }
    if (ending !== 'done' && processed > 0) wrong.push(`${number}: processed`);
  }
  return {
    sent: sent.length,
    processed: [...found.processed.values()].reduce((sum, count) => sum + count, 0),
    dead: found.dead.length,
    lost,
    stuck: found.left,
    innocents,
    wrong,
    duplicates,
  };
}

/** Whether nothing was lost, stuck or blamed wrongly, and no more was repeated than had been in flight. */
export function isClean(account: Account, mostDuplicates: number): boolean {
  const { lost, stuck, innocents, wrong, duplicates } = account;
  return lost.length + stuck + innocents.length + wrong.length === 0 && duplicates <= mostDuplicates;
}
