// "Did you mean": the known name that a name was probably meant to be. Pure.
import { closest, distance } from 'fastest-levenshtein';

/** The nearest of `known`, where it is near enough that a slip is likelier than another meaning. */
export function suggest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const candidate = closest(name, [...known]);
  const slips = distance(name, candidate);
  return slips > 0 && slips <= Math.min(4, name.length / 4) ? candidate : undefined;
}
