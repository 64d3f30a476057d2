// Converts between instants and wall clocks, on the days on which the mapping is not one to one.
import { describe, expect, it } from 'vitest';
import { formatInstant, instantAt, offsetAt, wallClockAt } from '../../src/schedule/wall-clock.ts';
import { seeded } from './random.ts';
import { clockChanges } from './sample.ts';

const minuteMs = 60_000;
const wall = (text: string) => Date.parse(`${text}Z`);

describe('the instant of a wall-clock time', () => {
  it.each([
    ['Europe/Berlin', '2026-07-01T12:00', '2026-07-01T10:00:00.000Z', 'an ordinary day'],
    ['Europe/Berlin', '2026-03-29T01:59:59', '2026-03-29T00:59:59.000Z', 'just before a gap'],
    ['Europe/Berlin', '2026-03-29T02:00', '2026-03-29T01:00:00.000Z', 'the beginning of a gap'],
    ['Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:00:00.000Z', 'inside a gap'],
    ['Europe/Berlin', '2026-03-29T03:00', '2026-03-29T01:00:00.000Z', 'just after a gap'],
    ['Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30:00.000Z', 'an overlap: the first time'],
    ['Europe/Berlin', '2026-10-25T03:00', '2026-10-25T02:00:00.000Z', 'just after an overlap'],
    ['America/New_York', '2026-03-08T02:30', '2026-03-08T07:00:00.000Z', 'inside a gap in the west'],
    ['America/New_York', '2026-11-01T01:30', '2026-11-01T05:30:00.000Z', 'an overlap in the west'],
    ['America/Santiago', '2026-09-06T00:30', '2026-09-06T04:00:00.000Z', 'a gap at midnight'],
    ['America/Santiago', '2026-04-04T23:30', '2026-04-05T02:30:00.000Z', 'an overlap before midnight'],
    ['Australia/Lord_Howe', '2026-10-04T02:15', '2026-10-03T15:30:00.000Z', 'a gap of half an hour'],
    ['Australia/Lord_Howe', '2026-04-05T01:45', '2026-04-04T14:45:00.000Z', 'an overlap of half an hour'],
    ['America/Nuuk', '2026-03-28T23:30', '2026-03-29T01:00:00.000Z', 'a gap that ends on the next date'],
    [
      'Asia/Kathmandu',
      '2026-03-29T02:30',
      '2026-03-28T20:45:00.000Z',
      'a zone with three quarters of an hour',
    ],
    ['Pacific/Apia', '2011-12-30T07:00', '2011-12-30T10:00:00.000Z', 'a date that the zone has left out'],
  ])('in %s, %s is %s: %s', (timezone, shown, instant) => {
    expect(new Date(instantAt(wall(shown), timezone)).toISOString()).toBe(instant);
  });

  it('never decreases, and shows the time again, over every minute around every change', () => {
    for (const [timezone, changes] of Object.entries(clockChanges)) {
      for (const change of changes) {
        const from =
          Math.floor(wallClockAt(Date.parse(change), timezone) / minuteMs) * minuteMs - 180 * minuteMs;
        let last = -Infinity;
        let moved = 0;
        for (let minute = 0; minute < 360; minute++) {
          const wallClock = from + minute * minuteMs;
          const instant = instantAt(wallClock, timezone);
          expect(instant).toBeGreaterThanOrEqual(last);
          if (wallClockAt(instant, timezone) !== wallClock) {
            expect(instant).toBe(Date.parse(change));
            moved++;
          }
          last = instant;
        }
        const gapMinutes =
          offsetAt(Date.parse(change), timezone) - offsetAt(Date.parse(change) - 1, timezone);
        expect(moved).toBe(Math.max(0, gapMinutes / minuteMs));
      }
    }
  });

  it('is inverted by the wall clock, for instants of all times and time zones', () => {
    const random = seeded(7);
    const zones = Intl.supportedValuesOf('timeZone');
    let undone = 0;
    for (let sample = 0; sample < 2000; sample++) {
      const timezone = random.oneOf(zones);
      const wallClock = random.between(Date.UTC(1970, 1, 1), Date.UTC(2100, 1, 1));
      const instant = instantAt(wallClock, timezone);
      // All except the few in a gap show the same time again.
      if (wallClockAt(instant - 1, timezone) === wallClockAt(instant, timezone) - 1) {
        expect(wallClockAt(instant, timezone), `${timezone} ${wallClock}`).toBe(wallClock);
        undone++;
      }
    }
    expect(undone).toBeGreaterThan(1_950);
  });
});

describe('an instant for people', () => {
  it.each([
    ['2026-03-29T01:00:00Z', 'Europe/Berlin', '2026-03-29T03:00:00+02:00'],
    ['2026-03-29T00:59:59Z', 'Europe/Berlin', '2026-03-29T01:59:59+01:00'],
    ['2026-10-25T00:30:00Z', 'Europe/Berlin', '2026-10-25T02:30:00+02:00'],
    ['2026-10-25T01:30:00Z', 'Europe/Berlin', '2026-10-25T02:30:00+01:00'],
    ['2026-01-01T00:00:00Z', 'America/St_Johns', '2025-12-31T20:30:00-03:30'],
    ['2026-01-01T00:00:00Z', 'Asia/Kathmandu', '2026-01-01T05:45:00+05:45'],
    ['2026-01-01T00:00:00Z', 'UTC', '2026-01-01T00:00:00+00:00'],
    ['2026-01-01T00:00:00.500Z', 'UTC', '2026-01-01T00:00:00.500+00:00'],
    ['+012026-01-01T00:00:00Z', 'UTC', '+012026-01-01T00:00:00+00:00'],
  ])('%s in %s is %s', (instant, timezone, shown) => {
    expect(formatInstant(new Date(instant), timezone)).toBe(shown);
    expect(Date.parse(shown)).toBe(Date.parse(instant));
  });

  it('cannot be made from an invalid date', () => {
    expect(() => formatInstant(new Date(NaN), 'UTC')).toThrow(RangeError);
  });
});
