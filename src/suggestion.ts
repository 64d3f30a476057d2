// "Did you mean": the known name that a name was probably meant to be. Pure.
import { distance } from 'fastest-levenshtein';

/** The nearest of `known`, if it is so near that a slip is likelier than another meaning. */
export function suggest(name: string, known: readonly string[]): string | undefined {
  const candidates = known
    .filter((candidate) => candidate !== name)
    .map((candidate) => ({ candidate, slips: countSlips(name, candidate) }))
    .filter(({ candidate, slips }) => slips <= tolerated(name, candidate));
  return candidates.sort((a, b) => a.slips - b.slips).at(0)?.candidate;
}

/** Letters to change. A name that is cut short or drawn out, such as PASS or USERNAME, is one slip. */
function countSlips(name: string, candidate: string): number {
  const [short, long] = name.length < candidate.length ? [name, candidate] : [candidate, name];
  const rest = long.startsWith(short) ? long.slice(short.length) : '_';
  return /^[A-Z]{1,4}$/i.test(rest) ? 1 : distance(name, candidate);
}

/** The words that two names share say nothing: RABBITMQ_PASS is not nearly RABBITMQ_HOST. */
function tolerated(name: string, candidate: string): number {
  const words = name.split('_');
  const others = candidate.split('_');
  const shared = words.findIndex((word, index) => word !== others[index]);
  const own = words.slice(Math.max(0, shared)).join('_');
  return Math.min(4, Math.max(1, own.length / 4));
}
