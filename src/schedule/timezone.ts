// Names of time zones: checks the one in CRON_TIMEZONE, and finds the machine's. wall-clock.ts converts times.
import { suggest } from '../suggestion.ts';

/** The machine's zone; undefined if Intl does not know it, as with TZ=Foo/Bar or an empty TZ. Not pure. */
export function machineTimezone(): string | undefined {
  // Typed as always present, but V8 leaves it out if TZ names no zone.
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone as string | undefined;
  return name === undefined || name === 'Etc/Unknown' ? undefined : name;
}

/**
 * The fault of a value of TZ, for people; undefined if it is the name of a zone, or unset. Other forms, such as POSIX
 * rules, are read differently by different programs: to JavaScript `GMT-1` is an hour behind, and a rule is UTC.
 */
export function machineTimezoneFault(tz: string | undefined): string | undefined {
  if (tz === undefined || tz === '' || 'timezone' in readTimezone(tz)) return undefined;
  return 'the IANA name of a time zone, such as Europe/Berlin; or set CRON_TIMEZONE';
}

/** A zone's name, or a description of the expected one. */
export type ReadTimezone = { readonly timezone: string } | { readonly expected: string };

/**
 * Accepts every IANA name that Intl knows, including links such as `Europe/Kiev` or `UTC`, in upper or lower case.
 *
 * Refuses an offset (`+02:00`), which Intl would accept, because it follows no place's clock changes; a fixed offset
 * has a name, such as `Etc/GMT-2`. Also refuses ICU's old abbreviations, which are not in the IANA database and
 * mislead: to Intl `BST` is Dhaka and `AST` Anchorage.
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
  if (offset.test(name)) return `${expected}, not an offset, which does not follow clock changes`;
  const suggestion = nearest(name);
  return suggestion === undefined ? expected : `${expected} (did you mean ${suggestion}?)`;
}

/** The known zone whose name, or whose city, is the most similar. */
function nearest(name: string): string | undefined {
  const word = name.trim().toLowerCase().replace(/\s+/g, '_');
  const byWord = new Map<string, string>();
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    byWord.set(zone.toLowerCase(), zone);
    byWord.set(zone.toLowerCase().replace(/^.*\//, ''), zone);
  }
  // Abbreviations are similar to any short name, and a wrong guess is worse than none.
  if (abbreviation.test(name)) return undefined;
  return byWord.get(word) ?? byWord.get(suggest(word, [...byWord.keys()]) ?? '');
}
