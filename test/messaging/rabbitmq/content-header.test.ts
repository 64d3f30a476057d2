// Content headers that amqplib refuses, as bytes.
import { describe, expect, it } from 'vitest';
import { readContentHeader } from '../../../src/messaging/rabbitmq/content-header.ts';
import { decodeTable } from '../../../src/messaging/rabbitmq/field-table.ts';

function bytes(...parts: readonly (string | readonly number[])[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  );
}

function short(text: string): Buffer {
  return bytes([text.length], text);
}

function long(content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

function field(type: string, ...value: readonly (string | readonly number[] | Buffer)[]): Buffer {
  return Buffer.concat([
    short('h'),
    bytes(type),
    ...value.map((part) => (Buffer.isBuffer(part) ? part : bytes(part))),
  ]);
}

describe('a field table', () => {
  it.each<[string, Buffer, unknown]>([
    ['t', field('t', [1]), true],
    ['b', field('b', [0xff]), -1],
    ['B', field('B', [0xff]), 255],
    ['s', field('s', [0xff, 0xfe]), -2],
    ['U', field('U', [0xff, 0xfe]), -2],
    ['u', field('u', [0xff, 0xfe]), 65_534],
    ['I', field('I', [0xff, 0xff, 0xff, 0xfd]), -3],
    ['i', field('i', [0xff, 0xff, 0xff, 0xfd]), 4_294_967_293],
    ['l', field('l', [0, 0, 0, 1, 0, 0, 0, 0]), 2 ** 32],
    ['L', field('L', [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), -(2 ** 32)],
    ['f', field('f', [0x3f, 0xc0, 0, 0]), 1.5],
    ['d', field('d', [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]), 1.5],
    ['D', field('D', [2, 0, 0, 0, 150]), { '!': 'decimal', value: { places: 2, digits: 150 } }],
    ['T', field('T', [0, 0, 0, 0, 0, 0, 0, 60]), { '!': 'timestamp', value: 60 }],
    ['S', field('S', long(bytes('text'))), 'text'],
    ['x', field('x', long(bytes([1, 2]))), bytes([1, 2])],
    ['V', field('V'), null],
    ['F', field('F', long(field('L', [0, 0, 0, 0, 0, 0, 0, 7]))), { h: 7 }],
    ['A', field('A', long(bytes('t', [1], 'V'))), [true, null]],
  ])('reads type %s', (_type, table, value) => {
    expect(decodeTable(table)).toEqual({ fields: { h: value }, rest: undefined });
  });

  it('keeps what it cannot read as bytes, and all before it', () => {
    const rest = Buffer.concat([field('?', [9]), field('t', [1])]);
    expect(decodeTable(Buffer.concat([bytes([1], 'at', [1]), rest]))).toEqual({ fields: { a: true }, rest });
  });

  it('keeps an inner table or list that it cannot read as bytes, and reads on behind it', () => {
    const inner = field('?', [9]);
    for (const type of ['F', 'A']) {
      const table = Buffer.concat([field(type, long(inner)), bytes([1], 'at', [1])]);
      expect(decodeTable(table)).toEqual({ fields: { h: inner, a: true }, rest: undefined });
    }
  });

  it('keeps a name that would set the prototype as a field', () => {
    const { fields } = decodeTable(Buffer.concat([short('__proto__'), bytes('t', [1])]));
    expect(Object.entries(fields)).toEqual([['__proto__', true]]);
  });
});

describe('a content header', () => {
  function frame(flags: number, properties: Buffer, { type = 2, classId = 60 } = {}): Buffer {
    const payload = Buffer.concat([
      bytes([0, classId], [0, 0], [0, 0, 0, 0, 0, 0, 0, 5], [flags >> 8, flags & 0xff]),
      properties,
    ]);
    return Buffer.concat([bytes([type], [0, 3]), long(payload), bytes([0xce], 'the next frame')]);
  }

  it('has all properties', () => {
    const headers = field('L', [0, 0, 0, 0, 0, 0, 0, 7]);
    const properties = Buffer.concat([
      ...['type/sub', 'gzip'].map(short),
      long(headers),
      bytes([2], [9]),
      ...['correlation', 'reply', '1000', 'id'].map(short),
      bytes([0, 0, 0, 0, 0, 0, 0, 60]),
      ...['kind', 'user', 'app', 'cluster'].map(short),
    ]);
    expect(readContentHeader(frame(0xfffc, properties))).toEqual({
      id: 60,
      channel: 3,
      size: 5,
      fields: {
        contentType: 'type/sub',
        contentEncoding: 'gzip',
        headers: { h: 7 },
        deliveryMode: 2,
        priority: 9,
        correlationId: 'correlation',
        replyTo: 'reply',
        expiration: '1000',
        messageId: 'id',
        timestamp: 60,
        type: 'kind',
        userId: 'user',
        appId: 'app',
        clusterId: 'cluster',
      },
    });
  });

  it('keeps properties that end too early as bytes among the headers', () => {
    const properties = Buffer.concat([long(field('t', [1])), short('id').subarray(0, 2)]);
    expect(readContentHeader(frame(0x2080, properties))?.fields).toEqual({
      headers: { h: true, 'svchost-undecodable': short('id').subarray(0, 2) },
    });
  });

  it.each([
    ['a frame of another type', frame(0, Buffer.alloc(0), { type: 1 })],
    ['content of another class', frame(0, Buffer.alloc(0), { classId: 85 })],
    ['an incomplete frame', frame(0, Buffer.alloc(0)).subarray(0, 12)],
    ['no bytes', Buffer.alloc(0)],
  ])('is not read from %s', (_name, given) => {
    expect(readContentHeader(given)).toBeUndefined();
  });
});
