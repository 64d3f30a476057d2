// Splits the value of CRON_EXPRESSIONS into expressions; expression.ts interprets them.
import { isExpression } from './expression.ts';

/**
 * The expressions; or, if there is not exactly one way to split the value, the possible ways: none, or at least two.
 */
export type ExpressionList =
  | { readonly texts: readonly string[] }
  | { readonly readings: readonly (readonly string[])[]; readonly found: string };

/**
 * Expressions are separated by `;`, newlines or commas. A comma also separates the values of a field, and is read
 * so that all expressions are valid: `0,30 * * * *` is one expression, `0 7 * * *,30 9 * * *` is two, and
 * `* * * * 1,2,3 * * * *` is ambiguous. Blanks count as one space; empty expressions are dropped.
 */
export function splitExpressions(value: string): ExpressionList {
  const texts: string[] = [];
  for (const chunk of value.split(sureSeparator)) {
    const found = chunk.trim().replace(/\s+/g, ' ');
    if (found === '') continue;
    const list = splitCommas(found);
    if ('readings' in list) return list;
    texts.push(...list.texts);
  }
  return { texts };
}

/** A comma next to a blank or a nickname cannot be inside a field. */
const sureSeparator = /[;\r\n]|(?<=^|\s),|,(?=\s|@|$)|(?<=@\w+),/;

const fieldCount = (text: string): number => text.split(' ').length;
const hasFieldCount = (text: string): boolean => fieldCount(text) === 5 || fieldCount(text) === 6;

function splitCommas(found: string): ExpressionList {
  // Too short for two expressions: any fault is one of the whole.
  if (fieldCount(found) < 9) return { texts: [found] };
  for (const accepts of [isExpression, hasFieldCount]) {
    const readings = readingsOf(found, (text) => hasFieldCount(text) && accepts(text));
    if (readings[0] && readings.length === 1) return { texts: readings[0] };
    if (readings.length > 1) return { readings, found };
  }
  return found.includes(',') ? { readings: [], found } : { texts: [found] };
}

/** Ways to cut `found` at commas so that `accepts` accepts every piece; at most two, which prove it ambiguous. */
function readingsOf(found: string, accepts: (text: string) => boolean): string[][] {
  const parts = found.split(',');
  // Filled from the end: readingsFrom[i] are the readings of parts i and later. Two of each keep this quadratic.
  const readingsFrom: string[][][] = Array.from({ length: parts.length + 1 }, () => []);
  readingsFrom[parts.length] = [[]];
  for (let from = parts.length - 1; from >= 0; from--) {
    for (let to = from + 1; to <= parts.length; to++) {
      const text = parts.slice(from, to).join(',');
      // It only gets longer from here; without this, a hundred expressions take half a minute.
      if (fieldCount(text) > 6) break;
      const rest = readingsFrom[to] ?? [];
      if (rest.length > 0 && accepts(text))
        readingsFrom[from]?.push(...rest.map((texts) => [text, ...texts]));
    }
    readingsFrom[from] = (readingsFrom[from] ?? []).slice(0, 2);
  }
  return readingsFrom[0] ?? [];
}
