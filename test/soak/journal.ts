// What the hosts of a soak have processed: each writes a line to a file before it returns, so that no death loses it.
import { readFileSync, writeFileSync } from 'node:fs';

/** How often each number was processed, from the journal's lines. A line cut short by a death is of work not done. */
export function readJournal(file: string): Map<number, number> {
  const counts = new Map<number, number>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const found = /^(\d+)$/.exec(line);
    if (!found) continue;
    const number = Number(found[1]);
    counts.set(number, (counts.get(number) ?? 0) + 1);
  }
  return counts;
}

/** Makes an empty journal. */
export function createJournal(file: string): void {
  writeFileSync(file, '');
}
