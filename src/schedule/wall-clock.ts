// Converts instants to the wall-clock time of a zone and back, over gaps and overlaps. Intl knows the zones.

// A wall-clock time is a number here: the milliseconds since the epoch at which a clock in UTC would show the same. So
// wall-clock arithmetic is plain arithmetic, and UTC-only code (croner, Date.UTC) works on wall-clock times.

const dayMs = 86_400_000;

/** Kept, since making one takes a thousand times longer than using one. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(timezone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timezone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' });
    formatters.set(timezone, formatter);
  }
  return formatter;
}

/**
 * How far the clocks of `timezone` are ahead of UTC at `instant`, in milliseconds; negative in the west.
 * @throws RangeError a date cannot hold `instant`, or Intl does not know `timezone`
 */
export function offsetAt(instant: number, timezone: string): number {
  // "GMT" alone is UTC; the seconds appear in the local mean times of the 19th century only.
  const shown = formatterOf(timezone).format(instant);
  const [, sign, hours = 0, minutes = 0, seconds = 0] =
    /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(shown) ?? [];
  const offsetMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? -offsetMs : offsetMs;
}

/** The time that the clocks of `timezone` show at `instant`. Inverse: {@link instantAt}. */
export function wallClockAt(instant: number, timezone: string): number {
  return instant + offsetAt(instant, timezone);
}

/**
 * The instant at which the clocks of `timezone` show `wallClock`: the first one if a clock change makes them show it
 * twice, the first instant after the gap if a change skips it. Never decreases as `wallClock` grows, so a schedule can
 * search in wall-clock time.
 * @throws RangeError there is no such date
 */
export function instantAt(wallClock: number, timezone: string): number {
  // No zone changes its clocks twice within two days, so one of the two offsets around it holds.
  const candidates = [wallClock - dayMs, wallClock + dayMs].map(
    (near) => wallClock - offsetAt(near, timezone),
  );
  const earlier = Math.min(...candidates);
  const later = Math.max(...candidates);
  if (wallClockAt(earlier, timezone) === wallClock) return earlier;
  if (wallClockAt(later, timezone) === wallClock) return later;
  return changeBetween(earlier, later, timezone);
}

/** The first instant after `before` at which the offset is no longer the one at `before`; by `after` it has changed. */
function changeBetween(before: number, after: number, timezone: string): number {
  const offset = offsetAt(before, timezone);
  let same = before;
  let changed = after;
  while (changed - same > 1) {
    const middle = Math.floor((same + changed) / 2);
    if (offsetAt(middle, timezone) === offset) same = middle;
    else changed = middle;
  }
  return changed;
}

/**
 * `date` as ISO 8601 with the offset that `timezone` has then: `2026-03-29T03:00:00+02:00`. Milliseconds are shown if
 * there are any. UTC is written `+00:00`, so that all lines of a list have one shape.
 * @throws RangeError `date` is invalid, or Intl does not know `timezone`
 */
export function formatInstant(date: Date, timezone: string): string {
  const offset = offsetAt(date.getTime(), timezone);
  const local = new Date(date.getTime() + offset).toISOString().replace(/(?:\.000)?Z$/, '');
  const minutes = Math.floor(Math.abs(offset) / 60_000);
  const twoDigits = (n: number) => String(n).padStart(2, '0');
  return `${local}${offset < 0 ? '-' : '+'}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
}
