// The meaning of typed lines.
import { describe, expect, it } from 'vitest';
import { readTyped } from '../../../src/commands/dev/input.ts';

/** The meaning of a line, a body as text. */
function read(line: string | Uint8Array): unknown {
  const typed = readTyped(Buffer.from(line));
  return typed.kind === 'send' ? { ...typed, body: Buffer.from(typed.body).toString() } : typed;
}

const notJson = { kind: 'wrong', reason: 'the message is not JSON; type it as s {"id": 1}' };
const notKnown = { kind: 'wrong', reason: 'unknown line: type h for a list' };

describe('a typed line', () => {
  it.each<[string, unknown]>([
    ['', { kind: 'nothing' }],
    ['  \r', { kind: 'nothing' }],
    ['d', { kind: 'dead-letters' }],
    [' r ', { kind: 'restart' }],
    ['q\r', { kind: 'quit' }],
    ['h', { kind: 'help' }],
    ['?', { kind: 'help' }],
    ['s {"id": 1}', { kind: 'send', body: '{"id": 1}' }],
    ['  s\t[1, 2]  \r', { kind: 'send', body: '[1, 2]' }],
    ['s 12345678901234567890', { kind: 'send', body: '12345678901234567890' }],
    ['s "a\u2028b"', { kind: 'send', body: '"a\u2028b"' }],
    ['s null', { kind: 'send', body: 'null' }],
    ['s', notJson],
    ['s {id: 1}', notJson],
    ["s '1'", notJson],
    ['s{"id": 1}', notKnown],
    ['send 1', notKnown],
    ['D', notKnown],
    ['r now', notKnown],
    ['constructor', notKnown],
  ])('%j', (line, meaning) => {
    expect(read(line)).toEqual(meaning);
  });

  it('is not a message if it is not UTF-8, and is never quoted', () => {
    expect(read(Buffer.from('s "\xff"', 'latin1'))).toEqual(notJson);
    expect(JSON.stringify(read('s {"password": hunter2}'))).not.toContain('hunter2');
  });
});
