// "Did you mean": finds the known name that a misspelt one probably stands for. Pure.
import { distance } from 'fastest-levenshtein';

/** The nearest of `known`, if it is near enough to suspect a typo; undefined if none is. */
export function suggest(name: string, known: readonly string[]): string | undefined {
  const candidates = known
    .filter((candidate) => candidate !== name)
    .map((candidate) => ({ candidate, slips: countSlips(name, candidate) }))
    .filter(({ candidate, slips }) => slips <= tolerated(name, candidate));
  return candidates.sort((a, b) => a.slips - b.slips).at(0)?.candidate;
}

/** The number of letters to change. A shortened or lengthened name, such as PASS or USERNAME, counts as one. */
function countSlips(name: string, candidate: string): number {
  const [short, long] = name.length < candidate.length ? [name, candidate] : [candidate, name];
  const rest = long.startsWith(short) ? long.slice(short.length) : '_';
  return /^[A-Z]{1,4}$/i.test(rest) ? 1 : distance(name, candidate);
}

/** How many letters may differ. Leading words that both share do not count: RABBITMQ_PASS is far from RABBITMQ_HOST. */
function tolerated(name: string, candidate: string): number {
  const words = name.split('_');
  const others = candidate.split('_');
  const shared = words.findIndex((word, index) => word !== others[index]);
  const own = words.slice(Math.max(0, shared)).join('_');
  return Math.min(4, Math.max(1, own.length / 4));
}
