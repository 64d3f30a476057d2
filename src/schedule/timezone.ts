// Which time zones there are: reads CRON_TIMEZONE, and finds the machine's. Owns no conversion; that is wall-clock.ts's.
import { suggest } from '../suggestion.ts';

/** The machine's zone; none where Intl cannot tell, as with TZ=Foo/Bar or an empty TZ. Reads the machine, so not pure. */
export function machineTimezone(): string | undefined {
  // Typed as always there, but V8 leaves it out where TZ names no zone.
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone as string | undefined;
  return name === undefined || name === 'Etc/Unknown' ? undefined : name;
}

/** A zone by its name, or what was expected of the name. */
export type ReadTimezone = { readonly timezone: string } | { readonly expected: string };

/**
 * Takes every IANA name that Intl knows, links such as `Europe/Kiev` or `UTC` included, in any case.
 *
 * Refuses an offset (`+02:00`), which Intl would take, because it does not follow the clock changes of any place; where
 * that is wanted, the name `Etc/GMT-2` says so. Refuses also ICU's old abbreviations, which the IANA database does not
 * have and which are not what they look like: to Intl `BST` is Dhaka and `AST` Anchorage.
 */
export function readTimezone(name: string): ReadTimezone {
  const resolved =
    abbreviation.test(name) && !ianaAbbreviations.has(name.toUpperCase()) ? undefined : resolve(name);
  if (resolved === undefined || offset.test(resolved)) return { expected: expectation(name) };
  // Intl changes a link to its target (Asia/Kathmandu to Asia/Katmandu); people look for the name they wrote.
  return { timezone: resolved.toLowerCase() === name.toLowerCase() ? resolved : name };
}

const abbreviation = /^[a-z]{3}$|^systemv\//i;
/** The three-letter names of the IANA database (files `etcetera` and `backward`). */
const ianaAbbreviations = new Set([
  'UTC',
  'UCT',
  'GMT',
  'EST',
  'MST',
  'HST',
  'CET',
  'MET',
  'EET',
  'WET',
  'PRC',
  'ROC',
  'ROK',
]);
const offset = /^(?:utc|gmt)?[+-]\d/i;

function resolve(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

function expectation(name: string): string {
  const expected = 'the IANA name of a time zone, such as Europe/Berlin or UTC';
  if (offset.test(name)) return `${expected}, not an offset, which knows no clock changes`;
  const suggestion = nearest(name);
  return suggestion === undefined ? expected : `${expected} (did you mean ${suggestion}?)`;
}

/** By the whole name, or by the city alone. */
function nearest(name: string): string | undefined {
  const word = name.trim().toLowerCase().replace(/\s+/g, '_');
  const byWord = new Map<string, string>();
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    byWord.set(zone.toLowerCase(), zone);
    byWord.set(zone.toLowerCase().replace(/^.*\//, ''), zone);
  }
  // Abbreviations are near to any short name, and a wrong guess is worse than none.
  if (abbreviation.test(name)) return undefined;
  return byWord.get(word) ?? byWord.get(suggest(word, [...byWord.keys()]) ?? '');
}
