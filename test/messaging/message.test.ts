// Messages and their bytes, as a table.
import { expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../src/messaging/message.ts';

it.for<[unknown, string]>([
  [{ name: 'ü', price: 1.5 }, '{"name":"ü","price":1.5}'],
  [null, 'null'],
  ['', '""'],
  [[undefined], '[null]'],
  [new Date(0), '"1970-01-01T00:00:00.000Z"'],
])('%o is written as %s', ([message, json]) => {
  expect(Buffer.from(encodeMessage(message)).toString()).toBe(json);
});

it.for<[string, unknown, string]>([
  ['undefined', undefined, 'a message must be a JSON value; found undefined'],
  ['a function', () => 1, 'a message must be a JSON value; found function'],
  ['a BigInt', 1n, 'BigInt'],
])('%s cannot be written', ([, message, text]) => {
  expect(() => encodeMessage(message)).toThrow(text);
  expect(() => encodeMessage(message)).toThrow(TypeError);
});

it.for<[string, string | number[], unknown]>([
  ['JSON', '{"a":[1,"ü",null]}', { a: [1, 'ü', null] }],
  ['JSON with blanks around it', ' 1\r\n', 1],
  ['a byte order mark before it', [0xef, 0xbb, 0xbf, 0x31], 1],
])('%s is read', ([, body, message]) => {
  expect(decodeMessage(Buffer.from(body as string))).toEqual(message);
});

it.for<[string, string | number[], string, string]>([
  ['nothing', '', 'SyntaxError', 'the body is empty'],
  ['half of a JSON value', '{"password": "secret', 'SyntaxError', 'the body is not JSON'],
  ['bytes that are not UTF-8', [0x22, 0xff, 0x22], 'TypeError', 'the body is not UTF-8'],
])('%s is refused, and never quoted', ([, body, name, message]) => {
  const read = () => decodeMessage(Buffer.from(body as string));
  expect(read).toThrow(expect.objectContaining({ name, message }) as Error);
});
