// The account of a soak must notice everything that a host could do wrong.
import { describe, expect, it } from 'vitest';
import { accountFor, isClean, type Found, type Sent } from './account.ts';

const once = { least: 1, most: 1 };
const sent: Sent[] = [
  { number: 1, ending: 'done', copies: once },
  { number: 2, ending: ['failed'], copies: once },
];
const good: Found = {
  processed: new Map([[1, 1]]),
  dead: [{ number: 2, reason: 'failed' }],
  left: 0,
};

/** The account of the two messages with a part of what was found replaced. */
function accountWith(changes: Partial<Found>, messages: readonly Sent[] = sent) {
  return accountFor(messages, { ...good, ...changes });
}

describe('the account of a soak', () => {
  it('is clean if every message ended as it must', () => {
    const account = accountWith({});
    expect(account).toMatchObject({ sent: 2, processed: 1, dead: 1, duplicates: 0 });
    expect(isClean(account, 0)).toBe(true);
  });

  it.each([
    ['a lost message', { processed: new Map() }, { lost: [1] }],
    ['a lost dead letter', { dead: [] }, { lost: [2] }],
    ['a stuck message', { left: 1 }, { stuck: 1 }],
    [
      'an innocent dead letter',
      { dead: [...good.dead, { number: 1, reason: 'crashed' }] },
      { innocents: ['1: crashed'] },
    ],
    ['a wrong reason', { dead: [{ number: 2, reason: 'crashed' }] }, { wrong: ['2: crashed'] }],
    [
      'poison that was processed',
      { processed: new Map([...good.processed, [2, 1]]) },
      { wrong: ['2: processed'] },
    ],
  ] satisfies [string, Partial<Found>, object][])('finds %s', (_, changes, expected) => {
    const account = accountWith(changes);
    expect(account).toMatchObject(expected);
    expect(isClean(account, 10)).toBe(false);
  });

  it('counts duplicates beyond what was sent twice, and bounds them', () => {
    const twice = sent.map((message) => ({ ...message, copies: { least: 1, most: 2 } }));
    const changes = { processed: new Map([[1, 3]]) };
    expect(accountWith(changes).duplicates).toBe(2);
    expect(accountWith(changes, twice).duplicates).toBe(1);
    expect(isClean(accountWith(changes), 2)).toBe(true);
    expect(isClean(accountWith(changes), 1)).toBe(false);
  });

  it('does not miss a message that may never have been sent', () => {
    const unsure = [...sent, { number: 3, ending: 'done', copies: { least: 0, most: 1 } } as const];
    expect(isClean(accountWith({}, unsure), 0)).toBe(true);
    expect(accountWith({ processed: new Map([...good.processed, [3, 1]]) }, unsure).duplicates).toBe(0);
  });
});
