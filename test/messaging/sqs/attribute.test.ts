// Headers and text as SQS can keep them: tables, no calls.
import { describe, expect, it } from 'vitest';
import type { Headers } from '../../../src/messaging/message.ts';
import {
  attributesSize,
  bodyText,
  cleanText,
  decodeHeaders,
  encodeHeaders,
  factHeaders,
  readFacts,
} from '../../../src/messaging/sqs/attribute.ts';

const string = (StringValue: string) => ({ DataType: 'String', StringValue });
const number = (StringValue: string) => ({ DataType: 'Number', StringValue });
const packed = (headers: object) => ({ 'svchost-headers': string(JSON.stringify(headers)) });
const many = (count: number, prefix = 'h'): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, `v${index}`]));
const proto = JSON.parse('{"__proto__": "mine"}') as Headers;

describe('encodeHeaders', () => {
  it.for<[what: string, headers: Headers, attributes: object]>([
    ['a string', { tenant: 'a' }, { tenant: string('a') }],
    ['a text with tab and line ends', { a: '\t\r\n' }, { a: string('\t\r\n') }],
    ['characters beyond the first plane', { a: '😀' }, { a: string('😀') }],
    ['a whole number', { count: 3, below: -1 }, { count: number('3'), below: number('-1') }],
    ['bytes', { a: Uint8Array.of(1) }, { a: { DataType: 'Binary', BinaryValue: Uint8Array.of(1) } }],
    ['nothing for undefined', { a: undefined }, {}],
    ['an empty text, packed', { a: '' }, packed({ a: '' })],
    ['a control character, packed', { a: '\u0007' }, packed({ a: '\u0007' })],
    ['half a character, packed', { a: '\uD83D' }, packed({ a: '\uD83D' })],
    ['a fraction, packed', { a: 0.5 }, packed({ a: 0.5 })],
    ['a number beyond the safe ones, packed', { a: 2 ** 53 }, packed({ a: 2 ** 53 })],
    ['a flag and null, packed', { a: true, b: null }, packed({ a: true, b: null })],
    ['a tree, packed', { a: { b: [1] } }, packed({ a: { b: [1] } })],
    ['no bytes, packed', { a: new Uint8Array(0) }, packed({ a: { 'svchost-base64': '' } })],
    ['bytes in a tree, packed', { a: [Uint8Array.of(1)] }, packed({ a: [{ 'svchost-base64': 'AQ==' }] })],
    ['a name with a space, packed', { 'a b': 'x' }, packed({ 'a b': 'x' })],
    ['an empty name, packed', { '': 'x' }, packed({ '': 'x' })],
    ['reserved names, packed', { 'AWS.a': 'x', 'Amazon.b': 'y' }, packed({ 'AWS.a': 'x', 'Amazon.b': 'y' })],
    [
      'periods that SQS forbids, packed',
      { '.a': 1, 'b.': 2, 'c..d': 3 },
      packed({ '.a': 1, 'b.': 2, 'c..d': 3 }),
    ],
    ['a name of 257 characters, packed', { ['x'.repeat(257)]: 1 }, packed({ ['x'.repeat(257)]: 1 })],
    ['a header named __proto__, packed', proto, packed(proto)],
  ])('writes %s', ([, headers, attributes]) => {
    expect(encodeHeaders(headers)).toEqual(attributes);
  });

  it('escapes the two characters that SQS forbids and JSON does not', () => {
    const { 'svchost-headers': attribute } = encodeHeaders({ a: '\uFFFE\uFFFF' });
    expect(attribute?.StringValue).toBe('{"a":"\\ufffe\\uffff"}');
  });

  it('uses ten attributes, and packs the rest', () => {
    expect(Object.keys(encodeHeaders(many(10)))).toHaveLength(10);
    const attributes = encodeHeaders(many(12));
    expect(Object.keys(attributes)).toHaveLength(10);
    expect(attributes).toMatchObject(packed({ h9: 'v9', h10: 'v10', h11: 'v11' }));
  });

  it('leaves room for the packed ones, and gives the first places to those of svchost', () => {
    const attributes = encodeHeaders({ ...many(9), flag: true, 'svchost-reason': 'failed' });
    expect(Object.keys(attributes)).toHaveLength(10);
    expect(attributes).toMatchObject({
      'svchost-reason': string('failed'),
      ...packed({ flag: true, h8: 'v8' }),
    });
  });

  it('takes unchanged headers along as they arrived', () => {
    const originals = { id: number('007'), other: string('x') };
    expect(encodeHeaders({ id: '007' }, originals)).toEqual({ id: number('007') });
  });
});

describe('decodeHeaders', () => {
  it.for<[what: string, attributes: Parameters<typeof decodeHeaders>[0], headers: Headers]>([
    ['no attributes', undefined, {}],
    ['a string', { a: string('1') }, { a: '1' }],
    ['a number', { a: number('1'), b: number('-2.5') }, { a: 1, b: -2.5 }],
    [
      'a number of which something would be lost, as text',
      { a: number('007'), b: number('1e3') },
      { a: '007', b: '1e3' },
    ],
    ['a type with a label', { a: { DataType: 'Number.cents', StringValue: '5' } }, { a: 5 }],
    ['bytes', { a: { DataType: 'Binary', BinaryValue: Uint8Array.of(1) } }, { a: Uint8Array.of(1) }],
    ['an attribute without a value', { a: { DataType: 'String' } }, { a: '' }],
    ['packed headers beside others', { a: string('1'), ...packed({ b: [2] }) }, { a: '1', b: [2] }],
    ['packed headers that are not JSON', { 'svchost-headers': string('{') }, {}],
    ['packed headers that are not an object', { 'svchost-headers': string('7') }, {}],
    ['packed headers that are null', { 'svchost-headers': string('null') }, {}],
  ])('reads %s', ([, attributes, headers]) => {
    expect(decodeHeaders(attributes)).toEqual(headers);
  });

  it.for<Headers>([
    { text: 'ü', count: 3, bytes: Uint8Array.of(0, 255) },
    { deep: { list: [1, { two: [true, 'ü'] }], none: null } },
    { control: '\u0001', half: '\uDC00', noncharacter: '\uFFFF', empty: '' },
    many(25),
    proto,
  ])('reads the output of encodeHeaders: %j', (headers) => {
    const read = decodeHeaders(encodeHeaders(headers));
    expect(Object.entries(read).sort()).toEqual(Object.entries(headers).sort());
  });
});

describe('facts', () => {
  it.for<[what: string, headers: Headers, facts: object, rest: Headers]>([
    ['none', { tenant: 'a' }, {}, { tenant: 'a' }],
    [
      'all',
      {
        'svchost-message-id': 'id',
        'svchost-reply-to': 'replies',
        'svchost-correlation-id': '7',
        tenant: 'a',
      },
      { messageId: 'id', replyTo: 'replies', correlationId: '7' },
      { tenant: 'a' },
    ],
    ['none that is not text', { 'svchost-message-id': 7, 'svchost-reply-to': null }, {}, {}],
  ])('are taken out of headers: %s', ([, headers, facts, rest]) => {
    expect(readFacts(headers)).toEqual({ facts, rest });
  });

  it('are written as headers, those that are given', () => {
    expect(factHeaders({})).toEqual({});
    expect(factHeaders({ messageId: 'id', replyTo: undefined, correlationId: '' })).toEqual({
      'svchost-message-id': 'id',
      'svchost-correlation-id': '',
    });
  });
});

it.for<[what: string, attributes: Parameters<typeof attributesSize>[0], bytes: number]>([
  ['none', {}, 0],
  ['a text by its UTF-8', { ab: string('ü') }, 2 + 6 + 2],
  ['bytes', { ab: { DataType: 'Binary', BinaryValue: new Uint8Array(5) } }, 2 + 6 + 5],
  ['several', { a: string('1'), b: number('22') }, 1 + 6 + 1 + 1 + 6 + 2],
])('attributesSize counts name, type and value: %s', ([, attributes, bytes]) => {
  expect(attributesSize(attributes)).toBe(bytes);
});

it.for<[what: string, body: readonly number[], text: string | undefined]>([
  ['UTF-8', [...Buffer.from('{"ü": "😀"}')], '{"ü": "😀"}'],
  ['a byte order mark', [0xef, 0xbb, 0xbf, 0x31], '\uFEFF1'],
  ['tab and line ends', [9, 10, 13], '\t\n\r'],
  ['nothing', [], undefined],
  ['a control character', [0x31, 0x00], undefined],
  ['not UTF-8', [0xff, 0xfe], undefined],
  ['half of a character', [0xed, 0xa0, 0xbd], undefined],
  ['U+FFFE', [0xef, 0xbf, 0xbe], undefined],
])('bodyText of %s', ([, body, text]) => {
  expect(bodyText(Uint8Array.from(body))).toBe(text);
});

it.for([
  ['plain\ttext\n', 'plain\ttext\n'],
  ['bell \u0007', 'bell \uFFFD'],
  ['half \uD83D', 'half \uFFFD'],
  ['whole 😀', 'whole 😀'],
  ['\uFFFE\uFFFF', '\uFFFD\uFFFD'],
] as const)('cleanText of %j is %j', ([text, clean]) => {
  expect(cleanText(text)).toBe(clean);
});
