// The plan of a soak's faults, and its messages: the seed must repeat them.
import { expect, it } from 'vitest';
import { kindNames, messageOf, numberIn } from './kind.ts';
import { planFaults, type Fault } from './plan.ts';

const faults: Fault[] = [
  { name: 'short', begin: () => Promise.resolve(() => undefined) },
  { name: 'long', lastsMs: [500, 4000], begin: () => Promise.resolve(() => undefined) },
];

function plan(seed: number) {
  return planFaults({ seed, durationMs: 600_000, faults, hosts: 3, pauseMs: [1000, 3000] });
}

it('a seed repeats its faults, and another seed has others', () => {
  expect(plan(1)).toEqual(plan(1));
  expect(plan(2)).not.toEqual(plan(1));
});

it('faults come one after the other, on each host, and end in time', () => {
  const planned = plan(3);
  expect(planned.length).toBeGreaterThan(150);
  expect(new Set(planned.map(({ host }) => host))).toEqual(new Set([0, 1, 2]));
  for (const [index, { atMs, lastsMs }] of planned.entries()) {
    expect(atMs + lastsMs).toBeLessThanOrEqual(planned[index + 1]?.atMs ?? 600_000);
  }
});

it('a seed repeats its messages, among which all kinds are', () => {
  const messages = Array.from({ length: 6000 }, (_, index) => messageOf(1, index + 1));
  expect(messageOf(1, 77)).toEqual(messages[76]);
  expect(new Set(messages.map(({ kind }) => kind))).toEqual(new Set(kindNames));
  expect(messages.map(({ body }) => numberIn(body))).toEqual(messages.map(({ number }) => number));
});
