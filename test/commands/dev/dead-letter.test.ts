// How dead letters are displayed.
import { describe, expect, it } from 'vitest';
import { describeDeadLetter, excerpt } from '../../../src/commands/dev/dead-letter.ts';

const body = Buffer.from('{"id": 1}');

describe('a dead letter', () => {
  it('is shown with its id, time, reason, attempts, error and body', () => {
    const headers = {
      'svchost-reason': 'failed',
      'svchost-error': 'TypeError: no such order',
      'svchost-attempts': 5,
      'svchost-last-seen': '2026-01-02T03:04:05.678Z',
    };
    expect(describeDeadLetter({ messageId: 'id-1', headers, body }).split('\n')).toEqual([
      '  id-1',
      '    2026-01-02T03:04:05.678Z, failed, after 5 attempts',
      '    TypeError: no such order',
      '    {"id": 1}',
    ]);
  });

  it('may be one that svchost did not write', () => {
    expect(
      describeDeadLetter({ messageId: 'id-2', headers: { 'svchost-error': {} }, body }).split('\n'),
    ).toEqual(['  id-2', '    at an unknown time, for no reason given', '    {"id": 1}']);
  });

  it('cannot control the terminal: control characters and those that change the writing direction are escaped', () => {
    const evil = '\u001b[2J\u0007\u202e\u{e0001}\n';
    const headers = { 'svchost-error': evil, 'svchost-reason': evil };
    const shown = describeDeadLetter({ messageId: evil, headers, body: Buffer.from(evil) });
    const escaped = '\\u001b[2J\\u0007\\u202e\\u{e0001}\\n';
    expect(shown.split('\n')).toEqual([
      `  ${escaped}`,
      `    at an unknown time, ${escaped}`,
      `    ${escaped}`,
      `    ${escaped}`,
    ]);
  });
});

describe('the excerpt of a body', () => {
  it.each<[string, Uint8Array, string]>([
    ['all of a short one', Buffer.from('"ü"'), '"ü"'],
    ['as much as is shown', Buffer.from('x'.repeat(200)), 'x'.repeat(200)],
    ['a long one', Buffer.from('x'.repeat(201)), `${'x'.repeat(200)}… (201 bytes)`],
    ['no half character', Buffer.from(`${'x'.repeat(199)}😀`), `${'x'.repeat(199)}… (203 bytes)`],
    ['nothing', Buffer.alloc(0), 'an empty body'],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0]), '3 bytes that are not UTF-8'],
  ])('%s', (_name, bytes, shown) => {
    expect(excerpt(bytes)).toBe(shown);
  });
});
