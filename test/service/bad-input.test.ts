// Messages that no sender should send: each becomes a dead letter, byte for byte, or is processed; and so is the next
// message.
import type { Socket } from 'node:net';
import { connect, type Options } from 'amqplib';
import { describe, expect, it } from 'vitest';
import { header } from '../../src/messaging/dead-letter.ts';
import type { MessageFacts } from '../../src/messaging/message.ts';
import { deadLetters, expectEmpty, json, rabbitMqBroker, sqliteBroker, type TestBroker } from './broker.ts';
import { host, type Hosted } from './hosted.ts';
import { makeService } from './service-directory.ts';

const rabbitMq = rabbitMqBroker();
const sqlite = sqliteBroker();

const mebibyte = 1024 * 1024;

/** Sent after each bad one, to check that the host still processes messages. */
const good = { id: 'good' };

/** Bodies that are not messages. */
const undecodable: Record<string, Uint8Array> = {
  'that is not JSON': Buffer.from('hello'),
  'that is half JSON': Buffer.from('{"half": '),
  'with something behind the JSON': Buffer.from('{} {}'),
  'that is UTF-8 cut off in a character': Buffer.from('"grü"').subarray(0, 4),
  'in Latin-1': Buffer.from('"grün"', 'latin1'),
  'in UTF-16': Buffer.from('﻿{"id": 1}', 'utf16le'),
  'with a surrogate half as UTF-8': Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
  'with an overlong character': Buffer.from([0x22, 0xc0, 0x80, 0x22]),
  'that is empty': new Uint8Array(0),
  'of white space': Buffer.from(' \n'),
  'of a byte order mark only': Buffer.from([0xef, 0xbb, 0xbf]),
  'of NUL bytes': new Uint8Array(3),
  'with a NUL byte behind the JSON': Buffer.from('{}\0'),
  'with a NUL byte in a string': Buffer.from('"a\0b"'),
  'with NaN': Buffer.from('{"price": NaN}'),
  'with Infinity': Buffer.from('[-Infinity]'),
  'with a comment': Buffer.from('{} // none'),
  'with single quotes': Buffer.from("{'id': 1}"),
  'that is gzip': Buffer.from('H4sIAAAAAAAAA6tWykxRslIyVKoFAGvl1N0JAAAA', 'base64'),
  'of 200,000 opened brackets': Buffer.from('['.repeat(200_000)),
  'of 10 MiB that are not JSON': Buffer.alloc(10 * mebibyte, 'x'),
};

/** Bodies that are odd, yet messages: each with the argument of the processor, or a check of it. */
const decodable: Record<string, [Uint8Array, (message: unknown) => unknown, unknown]> = {
  null: [Buffer.from('null'), same, null],
  'a number': [Buffer.from('42'), same, 42],
  'a string': [Buffer.from('"x"'), same, 'x'],
  'a boolean': [Buffer.from(' false\n'), same, false],
  'JSON behind a byte order mark, as some Windows programs write it': [
    Buffer.from('﻿{"id":1}'),
    same,
    { id: 1 },
  ],
  'an object with a key twice: the last one counts': [Buffer.from('{"id":1,"id":2}'), same, { id: 2 }],
  'an integer beyond the precision of a double: rounded, as JSON.parse does': [
    Buffer.from('9007199254740993'),
    same,
    9007199254740992,
  ],
  'a number beyond the largest double': [Buffer.from('1e999'), same, Infinity],
  'an escaped NUL and an escaped surrogate half': [Buffer.from('"\\u0000\\ud800"'), same, '\0\ud800'],
  'an object with a key named __proto__: a key as any other': [
    Buffer.from('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}'),
    (message) => [
      Object.keys(message as object),
      Object.getPrototypeOf(message) === Object.prototype,
      (message as { isAdmin?: unknown }).isAdmin,
      ({} as { isAdmin?: unknown }).isAdmin,
    ],
    [['__proto__', 'constructor'], true, undefined, undefined],
  ],
  'arrays nested 200,000 deep': [
    Buffer.from('['.repeat(200_000) + ']'.repeat(200_000)),
    (message) => {
      let depth = 0;
      for (let inner = message; Array.isArray(inner); inner = inner[0] as unknown) depth++;
      return depth;
    },
    200_000,
  ],
  'objects nested 100,000 deep': [
    Buffer.from('{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)),
    (message) => {
      let depth = 0;
      for (let inner = message; typeof inner === 'object'; inner = (inner as { a: unknown }).a) depth++;
      return depth;
    },
    100_000,
  ],
  'JSON of 10 MiB': [
    Buffer.from(`{"text":"${'ü'.repeat(5 * mebibyte)}"}`),
    (message) => (message as { text: string }).text.length,
    5 * mebibyte,
  ],
};

function same(message: unknown): unknown {
  return message;
}

describe.for([rabbitMq, sqlite])('on $name', (broker) => {
  it.for(Object.entries(undecodable))('a body %s becomes a dead letter, byte for byte', async ([, body]) => {
    const queue = await broker.queue();
    await broker.put(queue, body);
    await broker.put(queue, json(good));
    const service = await host(broker.adapter(), queue, () => undefined);
    await service.settled(2);
    const [letter] = await deadLetters(broker, queue, 1);
    expect(Buffer.compare(letter!.body, body)).toBe(0);
    expect(letter!.headers).toMatchObject({ [header.reason]: 'undecodable', [header.attempts]: 1 });
    expect(String(letter!.headers[header.error])).toMatch(/^UndecodableError: the body is /);
    await expectOnlyGood(broker, queue, service);
  });

  it.for(Object.entries(decodable))('a body can be %s', async ([, [body, tell, expected]]) => {
    const queue = await broker.queue();
    await broker.put(queue, body);
    await broker.put(queue, json(good));
    const service = await host(broker.adapter(), queue, (message, { attempt }) => {
      if (attempt === 1 && !isGood(message)) throw new Error('once, so that it is copied');
    });
    await service.settled(3);
    const bad = service.calls.filter(({ message }) => !isGood(message));
    expect(bad.map(({ message }) => tell(message))).toEqual([expected, expected]);
    expect(service.calls).toHaveLength(3);
    await service.stop();
    await expectEmpty(broker, queue);
    expect(await broker.browse(`${queue}_dead`)).toEqual([]);
  });

  it('a message that is too deep to be processed becomes a dead letter like any other', async () => {
    const queue = await broker.queue();
    const body = Buffer.from('['.repeat(200_000) + ']'.repeat(200_000));
    await broker.put(queue, body);
    await broker.put(queue, json(good));
    // Throws a RangeError: the stack overflows.
    const depth = (value: unknown): number => (Array.isArray(value) ? 1 + depth(value[0]) : 0);
    const service = await host(broker.adapter(), queue, depth);
    const [letter] = await deadLetters(broker, queue, 1);
    expect(Buffer.compare(letter!.body, body)).toBe(0);
    expect(letter!.headers).toMatchObject({ [header.reason]: 'failed' });
    await service.stop();
    expect(service.records.filter(({ outcome }) => outcome.kind === 'done')).toHaveLength(1);
    await expectEmpty(broker, queue);
  });
});

describe('on RabbitMQ, the properties and headers that a foreign client can add', () => {
  /**
   * Headers that a retry and a dead letter keep, with other values where amqplib does not distinguish the types. Only
   * finite doubles: RabbitMQ closes a connection that sends any other.
   */
  const kept: Record<string, [object, object?]> = {
    'a table': [{ h: { deep: { deeper: { deepest: 1 } }, empty: {} } }],
    'an array': [{ h: [1, 'two', [3, { four: null }], []] }],
    'a string: empty, with NUL, beyond ASCII': [{ h: '', n: 'a\0b', ü: 'ü😀' }],
    'a boolean or null': [{ yes: true, no: false, none: null }],
    bytes: [{ h: Buffer.from([0, 255, 128]) }],
    'a timestamp': [{ h: typed('timestamp', 1_700_000_000) }],
    'a decimal': [{ h: typed('decimal', { places: 2, digits: 4_294_967_295 }) }],
    'a float': [{ h: typed('float', 1.5) }, { h: 1.5 }],
    'an integer of 8, 16 or 32 bits': [
      {
        a: typed('int8', -128),
        b: typed('uint8', 255),
        c: typed('int16', -32_768),
        d: typed('uint16', 65_535),
        e: typed('int32', -2_147_483_648),
        f: typed('uint32', 4_294_967_295),
      },
      { a: -128, b: 255, c: -32_768, d: 65_535, e: -2_147_483_648, f: 4_294_967_295 },
    ],
    'the smallest integer of 64 bits': [{ h: typed('int64', -(2n ** 63n)) }, { h: -(2 ** 63) }],
    'the largest integer of 64 bits, rounded to a double': [
      { h: typed('int64', 2n ** 63n - 1n) },
      { h: 2 ** 63 },
    ],
    'under an empty key, or one of 255 bytes': [{ '': 'nameless', ['k'.repeat(255)]: 1 }],
    'a string of 60 KiB': [{ h: 'ü'.repeat(30 * 1024) }],
    'one of thousands': [
      Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`, index])),
    ],
    'named like one of svchost, with nonsense in it': [
      {
        [header.attempt]: 'many',
        [header.firstSeen]: 'yesterday',
        [header.reason]: 1,
        [header.attempts]: [],
        [header.lastSeen]: null,
        [header.sourceQueue]: {},
        [header.error]: false,
        h: 1,
      },
      { h: 1 },
    ],
    'a CC or BCC, which is not followed again': [{ CC: ['nowhere-1'], BCC: ['nowhere-2'], h: 1 }, { h: 1 }],
    'named like a record of the broker': [{ 'x-death': 'never', 'x-delivery-count': -1, h: 1 }, { h: 1 }],
  };

  it.for(Object.entries(kept))(
    'a header can be %s',
    { timeout: 30_000 },
    async ([, [headers, expected = headers]]) => {
      const letter = await retriedAndBuried({ headers });
      expect(letter.headers).toMatchObject(expected);
      expect(letter.headers).not.toHaveProperty('svchost-headers-dropped');
    },
  );

  /** Headers that amqplib cannot write again: they are dropped, and the dead letter says so. */
  it.for<[string, object]>([
    ['the largest timestamp', { h: typed('timestamp', 2n ** 64n - 1n) }],
    ["so long that svchost's own headers have no room beside it", { h: 'x'.repeat(65_500) }],
  ])('a header can be %s, but is dropped from the copies', async ([, headers]) => {
    const letter = await retriedAndBuried({ headers });
    expect(letter.headers).not.toHaveProperty('h');
    expect(letter.headers).toMatchObject({ 'svchost-headers-dropped': true });
  });

  it.for<[string, Options.Publish]>([
    ['an expiration', { expiration: '3600000' }],
    ['the user', { userId: new URL(rabbitMq.env()['RABBITMQ_URL']!).username }],
    ['the highest priority', { priority: 255 }],
    ['an address for replies', { replyTo: 'nobody', correlationId: 'ü'.repeat(127) }],
    ['another encoding', { contentEncoding: 'gzip', contentType: 'text/plain' }],
    ['a type and an application', { type: '', appId: 'a'.repeat(255) }],
    ['a flag for no persistence', { persistent: false }],
    ['a time of 1970', { timestamp: 0 }],
    ['a time in milliseconds', { timestamp: Date.now() }],
    ['a time far beyond the calendar', { timestamp: Number.MAX_SAFE_INTEGER }],
    ['an empty id', { messageId: '' }],
    ['an id of 255 bytes', { messageId: 'i'.repeat(255) }],
  ])('a property can be %s', async ([, properties]) => {
    await retriedAndBuried(properties);
  });

  /** In a separate process, since a fault here can block an event loop. */
  it.for<[string, Options.Publish, Replacement?]>([
    [
      'an id that is not UTF-8',
      { messageId: 'm'.repeat(200) },
      [Buffer.alloc(200, 'm'), Buffer.alloc(200, 0xff)],
    ],
    [
      'an application that is not UTF-8',
      { appId: 'm'.repeat(90) },
      [Buffer.alloc(90, 'm'), Buffer.alloc(90, 0xff)],
    ],
    [
      'a time of -1',
      { timestamp: 0x11223344556677 },
      [Buffer.from('0011223344556677', 'hex'), Buffer.alloc(8, 0xff)],
    ],
    ['a header that is a table with a key "!"', { headers: { h: typed('object', typed('evil', 1)) } }],
    [
      'a table that looks like a number, but is not one',
      { headers: { h: typed('object', typed('long', 'x')) } },
    ],
    [
      'a table that looks like a decimal, but is not one',
      { headers: { h: typed('object', { '!': 'decimal' }) } },
    ],
    ['a table that looks like text, but is not', { headers: { h: typed('object', typed('string', [])) } }],
  ])('a message with %s is dead-lettered, without a loop', async ([, properties, replacement]) => {
    const service = await makeService(rabbitMq);
    await publishForged(service.queue, Buffer.from('bad'), properties, replacement);
    await service.put({ act: 'note', id: 'good' });
    const host = await service.startConsuming();
    await host.waitForLine('finished', 8000);
    const [letter] = await deadLetters(rabbitMq, service.queue, 1);
    expect(Buffer.from(letter!.body).toString()).toBe('bad');
    expect(letter!.headers).toMatchObject({ [header.reason]: 'undecodable' });
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    await expectEmpty(rabbitMq, service.queue);
  });

  /** Has the message fail once, be redelivered, and be dead-lettered; good ones are still processed. */
  async function retriedAndBuried(properties: Options.Publish): Promise<MessageFacts> {
    const queue = await rabbitMq.queue();
    const body = Buffer.from('{"id": "bad"}');
    await rabbitMq.publish(queue, body, { persistent: true, ...properties });
    await rabbitMq.publish(queue, json(good), { persistent: true });
    const service = await host(
      rabbitMq.adapter(),
      queue,
      (message) => {
        if (!isGood(message)) throw new Error('not now');
      },
      { retry: { maxAttempts: 2, initialDelayMs: 1, factor: 1, maxDelayMs: 1 } },
    );
    await service.settled(3);
    const [letter] = await deadLetters(rabbitMq, queue, 1);
    expect(Buffer.from(letter!.body)).toEqual(body);
    expect(letter!.headers).toMatchObject({
      [header.reason]: 'failed',
      [header.error]: 'Error: not now',
      [header.attempts]: 2,
      [header.sourceQueue]: queue,
    });
    const bad = service.calls.filter(({ message }) => !isGood(message));
    expect(bad.map(({ context }) => context.attempt)).toEqual([1, 2]);
    expect(bad[1]!.context.messageId).toBe(bad[0]!.context.messageId);
    expect(letter!.messageId).toBe(bad[0]!.context.messageId);
    await service.stop();
    await expectEmpty(rabbitMq, queue);
    return letter!;
  }
});

/** Bytes on their way to the broker, and their replacement of the same length. */
type Replacement = readonly [from: Buffer, to: Buffer];

/** Publishes properties that amqplib would not write. */
async function publishForged(
  queue: string,
  body: Buffer,
  properties: Options.Publish,
  [from, to]: Replacement = [Buffer.alloc(0), Buffer.alloc(0)],
): Promise<void> {
  const connection = await connect(rabbitMq.env()['RABBITMQ_URL']!);
  const { stream } = connection.connection as unknown as { stream: Socket };
  const channel = await connection.createConfirmChannel();
  const write = stream.write.bind(stream);
  stream.write = (chunk: Uint8Array) => {
    const at = from.length === 0 ? -1 : Buffer.from(chunk).indexOf(from);
    return write(at < 0 ? chunk : Buffer.concat([chunk.slice(0, at), to, chunk.slice(at + to.length)]));
  };
  channel.sendToQueue(queue, body, { persistent: true, ...properties });
  await channel.waitForConfirms();
  await connection.close();
}

/** A value that amqplib writes with this type. */
function typed(type: string, value: unknown): object {
  return { '!': type, value };
}

function isGood(message: unknown): boolean {
  return (message as typeof good | null)?.id === good.id;
}

async function expectOnlyGood(broker: TestBroker, queue: string, service: Hosted): Promise<void> {
  await service.stop();
  expect(service.calls.map(({ message }) => message)).toEqual([good]);
  await expectEmpty(broker, queue);
}
