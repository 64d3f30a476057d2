// Messages as SQS takes them, on standard and on FIFO queues: tables, no calls.
import { describe, expect, it } from 'vitest';
import { SendError, UnwritableError, UnsupportedError } from '../../../src/errors.ts';
import type { SendOptions } from '../../../src/messaging/adapter.ts';
import { fifoId, outgoingMessage, outgoingSize } from '../../../src/messaging/sqs/outgoing.ts';

const standard = { name: 'orders', url: 'http://localhost/orders', isFifo: false };
const fifo = { name: 'orders.fifo', url: 'http://localhost/orders.fifo', isFifo: true };
const body = Buffer.from('1');
const string = (StringValue: string) => ({ DataType: 'String', StringValue });
const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;

describe('on a standard queue', () => {
  it.for<[what: string, options: SendOptions, message: object]>([
    ['nothing but a body', {}, {}],
    ['no headers', { headers: {} }, {}],
    ['a header', { headers: { tenant: 'a' } }, { MessageAttributes: { tenant: string('a') } }],
    [
      'id, reply queue and correlation id',
      { messageId: 'id', replyTo: 'replies', correlationId: '7' },
      {
        MessageAttributes: {
          'svchost-message-id': string('id'),
          'svchost-reply-to': string('replies'),
          'svchost-correlation-id': string('7'),
        },
      },
    ],
    [
      'an id that a header claims as well',
      { messageId: 'id', headers: { 'svchost-message-id': 'other' } },
      { MessageAttributes: { 'svchost-message-id': string('id') } },
    ],
    [
      'headers for FIFO queues, as headers',
      { headers: { 'svchost-group': 'a', 'svchost-deduplication': 'b' } },
      { MessageAttributes: { 'svchost-group': string('a'), 'svchost-deduplication': string('b') } },
    ],
    ['no delay', { delayMs: 0 }, {}],
    ['a delay in the past', { delayMs: -5 }, {}],
    ['a delay, in whole seconds and never before its time', { delayMs: 1_001 }, { DelaySeconds: 2 }],
    ['the longest delay', { delayMs: 900_000 }, { DelaySeconds: 900 }],
  ])('%s', ([, options, message]) => {
    expect(outgoingMessage(standard, body, options)).toEqual({ MessageBody: '1', ...message });
  });

  it('refuses a longer delay', () => {
    expect(() => outgoingMessage(standard, body, { delayMs: 900_001 })).toThrow(UnsupportedError);
  });
});

describe('on a FIFO queue', () => {
  it.for<[what: string, options: SendOptions, message: object]>([
    ['one group for all', {}, { MessageGroupId: 'svchost', MessageDeduplicationId: uuid }],
    [
      'the message id against duplicates',
      { messageId: 'id' },
      {
        MessageGroupId: 'svchost',
        MessageDeduplicationId: 'id',
        MessageAttributes: { 'svchost-message-id': string('id') },
      },
    ],
    [
      'the group and deduplication id of the sender, which are no headers then',
      { headers: { 'svchost-group': 'customer 7', 'svchost-deduplication': 7, tenant: 'a' } },
      {
        MessageGroupId: fifoId('customer 7'),
        MessageDeduplicationId: '7',
        MessageAttributes: { tenant: string('a') },
      },
    ],
  ])('%s', ([, options, message]) => {
    expect(outgoingMessage(fifo, body, options)).toEqual({ MessageBody: '1', ...message });
  });

  it('refuses any delay', () => {
    expect(() => outgoingMessage(fifo, body, { delayMs: 1 })).toThrow(UnsupportedError);
  });
});

it.for<[what: string, body: Uint8Array, options: SendOptions, message: string]>([
  ['bytes that are not text', Uint8Array.of(0xff), {}, 'SQS accepts only UTF-8 text'],
  ['an empty body', new Uint8Array(0), {}, 'SQS accepts only UTF-8 text'],
  ['a body that is too large', Buffer.alloc(1_048_577, 'x'), {}, 'the message has 1048577 bytes'],
  [
    'headers that leave no room for the body',
    Buffer.alloc(1_048_576, 'x'),
    { messageId: 'id' },
    `the message has ${1_048_576 + 'svchost-message-id'.length + 'String'.length + 2} bytes`,
  ],
])('refuses %s by name', ([, content, options, message]) => {
  const send = () => outgoingMessage(standard, content, options);
  expect(send).toThrow(SendError);
  expect(send).toThrow(`not sent to queue "orders": ${message}`);
});

it('refuses headers that are not JSON', () => {
  const send = () => outgoingMessage(standard, body, { headers: { a: 1n } });
  expect(send).toThrow(UnwritableError);
  expect(send).toThrow(
    'a message to queue "orders" cannot be written: Do not know how to serialize a BigInt',
  );
});

it('takes a body of the largest size', () => {
  const largest = Buffer.alloc(1_048_576, 'x');
  expect(outgoingSize(outgoingMessage(standard, largest, {}))).toBe(1_048_576);
});

describe('fifoId', () => {
  const allowed = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

  it.for<[value: unknown, id: string]>([
    ['customer-7', 'customer-7'],
    [allowed, allowed],
    [7, '7'],
    [{ a: 1 }, '{"a":1}'],
    ['x'.repeat(128), 'x'.repeat(128)],
  ])('of %j is itself', ([value, id]) => {
    expect(fifoId(value)).toBe(id);
  });

  it.for(['x'.repeat(129), 'with a space', '', 'ü'])('of %j is a hash', (value) => {
    expect(fifoId(value)).toMatch(/^[0-9a-f]{64}$/);
    expect(fifoId(value)).toBe(fifoId(value));
    expect(fifoId(value)).not.toBe(fifoId(`${value}.`));
  });
});
