// svchost's own headers, as tables.
import { describe, expect, it } from 'vitest';
import {
  attemptHeaders,
  deadLetterHeaders,
  header,
  readHistory,
  sentHeaders,
} from '../../src/messaging/dead-letter.ts';

const firstSeen = new Date('2026-01-01T00:00:00.000Z');

describe('a history', () => {
  it.for([2, 3, 1000])('survives the wire at attempt %i', (attempt) => {
    expect(readHistory(attemptHeaders({ attempt, firstSeen }), 1000)).toEqual({ attempt, firstSeen });
  });

  it('of a copy that has lost headers says so, to the dead letter', () => {
    const history = { attempt: 2, firstSeen, headersDropped: true } as const;
    expect(readHistory(attemptHeaders(history), 9)).toEqual(history);
    const verdict = { queueName: 'q', reason: 'failed', error: new Error('no'), at: firstSeen } as const;
    expect(deadLetterHeaders(history, verdict)).toMatchObject({ [header.headersDropped]: true });
  });

  it('beyond the last attempt is only a claim, which the dead letter has', () => {
    const headers = { [header.attempt]: 1e9, [header.firstSeen]: firstSeen.toISOString() };
    const known = readHistory(headers, 5);
    expect(known).toEqual({ claimedAttempt: 1e9, firstSeen });
    const history = { attempt: 1, ...known, firstSeen };
    expect(attemptHeaders({ ...history, attempt: 2 })).not.toHaveProperty(header.claimedAttempt);
    const verdict = { queueName: 'q', reason: 'failed', error: new Error('no'), at: firstSeen } as const;
    expect(deadLetterHeaders(history, verdict)).toMatchObject({
      [header.attempts]: 1,
      [header.claimedAttempt]: 1e9,
    });
  });

  it('of a first attempt is not written', () => {
    expect(attemptHeaders({ attempt: 1, firstSeen })).toEqual({});
  });

  it.for<[string, unknown, unknown]>([
    ['text', 'many', 'yesterday'],
    ['a number as text', '2', 'tomorrow'],
    ['nothing', undefined, undefined],
    ['null', null, null],
    ['zero', 0, 0],
    ['less than zero', -1, ''],
    ['half a number', 1.5, {}],
    ['beyond the safe integers', 2 ** 60, []],
  ])('is not read from %s', ([, attempt, seen]) => {
    expect(readHistory({ [header.attempt]: attempt, [header.firstSeen]: seen }, 9)).toEqual({});
  });
});

describe('the headers of a dead letter', () => {
  const error = { name: 'TypeError', message: 'no such order' };
  const at = new Date('2026-01-02T00:00:00.000Z');

  it('give the reason, the source, the number of attempts and their times', () => {
    const verdict = { queueName: 'orders', reason: 'failed', error, at } as const;
    expect(deadLetterHeaders({ attempt: 2, firstSeen }, verdict)).toEqual({
      'svchost-reason': 'failed',
      'svchost-error': 'TypeError: no such order',
      'svchost-source-queue': 'orders',
      'svchost-attempts': 2,
      'svchost-first-seen': '2026-01-01T00:00:00.000Z',
      'svchost-last-seen': '2026-01-02T00:00:00.000Z',
    });
  });
});

describe('the headers of a sent message', () => {
  it('have nothing that a sender must not set', () => {
    const headers = { tenant: 'a', [header.attempt]: 4, [header.headersDropped]: true };
    expect(sentHeaders(headers)).toEqual({ tenant: 'a' });
  });

  it('keep a header named __proto__ as one', () => {
    const headers = JSON.parse('{"__proto__": "mine"}') as Record<string, unknown>;
    expect(Object.entries(sentHeaders(headers))).toEqual([['__proto__', 'mine']]);
  });
});
