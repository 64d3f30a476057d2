// Messages typed by people: the lines of an input, and the JSON in each.
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { parseMessage, readLines } from '../../src/messaging/ndjson.ts';

it.for<[string, string[], string[]]>([
  ['one line', ['{}\n'], ['{}', '']],
  ['no end of the last line', ['1\n2'], ['1', '2']],
  ['a line in several chunks', ['{"a', '":', '1}\n2\n'], ['{"a":1}', '2', '']],
  ['several lines in a chunk', ['1\n\n2\n'], ['1', '', '2', '']],
  ['a line separator of Unicode inside a line', ['"\u2028"\n'], ['"\u2028"', '']],
  ['nothing', [], ['']],
])('%s', async ([, chunks, expected]) => {
  const lines: string[] = [];
  for await (const line of readLines(Readable.from(chunks.map((chunk) => Buffer.from(chunk)))))
    lines.push(line.toString());
  expect(lines).toEqual(expected);
});

it('a character in two chunks stays whole', async () => {
  const bytes = Buffer.from('"ü"');
  const chunks = [bytes.subarray(0, 2), bytes.subarray(2)];
  const lines: string[] = [];
  for await (const line of readLines(Readable.from(chunks))) lines.push(line.toString());
  expect(lines).toEqual(['"ü"']);
});

it('a number of more than 53 bits stays as it was typed', () => {
  expect(Buffer.from(parseMessage(Buffer.from(' {"id": 12345678901234567890} '), 'it')).toString()).toBe(
    '{"id": 12345678901234567890}',
  );
});

it.for(['{"password": hunter2}', '', "{'id': 1}"])('%s is refused with its place, and not quoted', (text) => {
  const parse = () => parseMessage(Buffer.from(text), 'line 3', '; quote it');
  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(/^line 3 is not JSON; quote it$/);
});
