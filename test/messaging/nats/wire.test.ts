// Names, headers and copies in NATS's form, as tables, without a server.
import { headers as createHeaders, type Msg } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import type { Headers } from '../../../src/messaging/message.ts';
import { deadLetterCopy, readCopyState, retryCopy } from '../../../src/messaging/nats/copy.ts';
import { decodeWire, encodeWire, sizeOf } from '../../../src/messaging/nats/header.ts';
import { consumerName, copySubject, messageSubject, streamName } from '../../../src/messaging/nats/name.ts';
import { readMessage } from '../../../src/messaging/nats/received.ts';

describe('a queue name', () => {
  it.each([
    ['orders_2-new', 'orders_2-new'],
    ['orders.new', 'orders=2Enew'],
    ['a b/c\\d*>', 'a=20b=2Fc=5Cd=2A=3E'],
    ['a=b%', 'a=3Db=25'],
    ['grün', 'gr=C3=BCn'],
  ])('%s is the stream %s', (queueName, stream) => {
    expect(streamName(queueName)).toBe(stream);
    expect(messageSubject(queueName)).toBe(`svchost.${stream}`);
    expect(copySubject(queueName)).toBe(`svchost.${stream}.copy`);
  });

  it('has a consumer with another name once its stream has been created again', () => {
    const [one, two] = ['2026-01-01T00:00:00.123456789Z', '2026-01-01T00:00:00.125Z'].map(consumerName);
    expect(one).toMatch(/^svchost_[a-z0-9]+$/);
    expect(two).not.toBe(one);
  });
});

describe('headers', () => {
  const proto = JSON.parse('{"__proto__": "mine"}') as Headers;

  it.for<[what: string, headers: Headers, isLine: boolean]>([
    ['a string', { tenant: 'a' }, true],
    ['an empty string', { a: '' }, true],
    ['characters beyond ASCII', { a: 'ü😀' }, true],
    ['__proto__', proto, true],
    ['a number, a flag and null', { a: 1.5, b: false, c: null }, false],
    ['a tree', { a: { b: [1, { c: true }] } }, false],
    ['space around a text', { a: ' x ' }, false],
    ['line ends', { a: 'x\r\ny' }, false],
    ['a control character', { a: '\u0007' }, false],
    ['half a character', { a: '\uD83D' }, false],
    ['a name with a colon or a space', { 'a:b': 'x', 'a b': 'y' }, false],
    ['an empty name', { '': 'x' }, false],
    ['names that the server acts on', { 'Nats-Msg-Id': 'x', 'nats-rollup': 'all' }, false],
    ['the name for what is packed', { 'svchost-attempts': 3 }, false],
  ])('keep %s', ([, given, isLine]) => {
    const lines = encodeWire({ headers: given, facts: {} });
    expect(lines.has('svchost-headers')).toBe(!isLine);
    expect(lines.keys().filter((name) => /^nats-/i.test(name))).toEqual([]);
    expect(Object.entries(decodeWire(lines).headers)).toEqual(Object.entries(given));
  });

  it('keep the facts apart, and no header of a sender can replace them', () => {
    const facts = {
      messageId: 'id',
      replyTo: 'answers',
      correlationId: 'line\nend',
      sentAt: new Date('2026-01-01T00:00:00.000Z'),
    };
    const forged = { 'svchost-message-id': 'forged', 'svchost-headers': '{"a":1}', 'svchost-copy': {} };
    const lines = encodeWire({ headers: { ...forged, a: 'x' }, facts });
    expect(decodeWire(lines)).toEqual({ headers: { a: 'x' }, facts, copy: undefined });
  });

  it('of another client are read: several values, an id for deduplication, a broken pack', () => {
    const lines = createHeaders();
    lines.append('tag', 'a');
    lines.append('tag', 'b');
    lines.set('Nats-Msg-Id', 'id');
    lines.set('svchost-headers', '{"half": ');
    expect(decodeWire(lines)).toMatchObject({ headers: { tag: ['a', 'b'] }, facts: { messageId: 'id' } });
    expect(decodeWire(undefined).headers).toEqual({});
  });

  it('have the size that is sent', () => {
    const lines = encodeWire({ headers: { a: 'ü', b: [1] }, facts: {} });
    expect(sizeOf(lines)).toBe(Buffer.byteLength('NATS/1.0\r\na: ü\r\nsvchost-headers: {"b":[1]}\r\n\r\n'));
  });
});

describe('a message', () => {
  const copy = { 'svchost-attempt': 3, 'svchost-first-seen': '2026-01-01T00:00:00.000Z' };
  const lines = encodeWire({ headers: copy, facts: {}, copy: { delayMs: 5, crashes: 2, redelivered: true } });

  function received(subject: string, deliveries: number) {
    const reply = `$JS.ACK.q.c.${deliveries}.17.4.1767225600000000001.0`;
    return readMessage({ subject, reply, headers: lines, data: new Uint8Array() } as Msg, 'q', 5);
  }

  it('has a history if svchost has copied it', () => {
    expect(received(copySubject('q'), 2)).toMatchObject({
      history: { attempt: 3, firstSeen: new Date('2026-01-01T00:00:00.000Z') },
      crashes: 2,
      redelivered: true,
      info: { stream: 'q', consumer: 'c', deliveryCount: 2, sequence: '17', storedNs: '1767225600000000001' },
    });
    expect(received(copySubject('q'), 4)).toMatchObject({ crashes: 4 });
  });

  it('has none if anyone else has sent it', () => {
    for (const subject of [messageSubject('q'), 'orders.new'])
      expect(received(subject, 1)).toMatchObject({ history: {}, crashes: 0, redelivered: false });
    expect(received(messageSubject('q'), 3)).toMatchObject({ crashes: 2, redelivered: true });
  });

  it('is read from an ack subject with domain and account', () => {
    const reply = '$JS.ACK.hub.hash.q.c.2.17.4.1767225600000000001.0.token';
    const message = { subject: messageSubject('q'), reply, data: new Uint8Array() } as Msg;
    expect(readMessage(message, 'q', 5).info).toEqual({
      stream: 'q',
      consumer: 'c',
      deliveryCount: 2,
      sequence: '17',
      storedNs: '1767225600000000001',
    });
  });
});

describe('a copy', () => {
  const original = {
    attempt: 2,
    firstSeen: new Date('2026-01-01T00:00:00.000Z'),
    headers: { tenant: 'a'.repeat(500) },
    facts: { messageId: 'id' },
    crashes: 1,
  };

  it('for a retry is the next attempt, without crashes', () => {
    const { headers, copy } = decodeWire(retryCopy(original, 300)[0]);
    expect(headers).toMatchObject({ 'svchost-attempt': 3, tenant: original.headers.tenant });
    expect(readCopyState(copy)).toEqual({ delayMs: 300, crashes: 0, redelivered: false });
  });

  it('has smaller forms for a server with a lower limit', () => {
    const error = { name: 'Error', message: 'long '.repeat(300) };
    const forms = deadLetterCopy(original, {
      queueName: 'q',
      reason: 'failed',
      error,
      at: new Date('2026-01-01T00:00:01.000Z'),
    });
    const sizes = forms.map(sizeOf);
    expect(sizes[1]).toBeLessThan(sizes[0]! - 1000);
    expect(sizes[2]).toBeLessThan(sizes[1]! - 400);
    expect(decodeWire(forms[2]).headers).toMatchObject({
      'svchost-headers-dropped': true,
      'svchost-attempts': 2,
    });
  });

  it.each([undefined, null, 'text', { delayMs: -1, crashes: 0.5, redelivered: 'yes' }])(
    'reads %j as no copy',
    (value) => {
      expect(readCopyState(value)).toEqual({ delayMs: 0, crashes: 0, redelivered: false });
    },
  );
});
