// Whatever other programs write into headers, properties and files is read without an error: a message that could not be
// read would come back for ever.
import fc from 'fast-check';
import { headers as makeHeaders } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { decodeMessage } from '../../src/messaging/message.ts';
import { readMessage as readNats } from '../../src/messaging/nats/received.ts';
import { decodeWire } from '../../src/messaging/nats/header.ts';
import { readContentHeader } from '../../src/messaging/rabbitmq/content-header.ts';
import { decodeTable, headersSize } from '../../src/messaging/rabbitmq/field-table.ts';
import { readHeaders } from '../../src/messaging/sqlite/headers.ts';
import { deliveryHeaders, readMessage } from '../../src/messaging/sqs/received.ts';
import { readNotification } from '../../src/messaging/sqs/sns.ts';

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.json());

/** Names that svchost gives a meaning, among others. */
const name = fc.oneof(
  text,
  fc.constantFrom(
    ...['svchost-headers', 'svchost-attempt', 'svchost-first-seen', 'svchost-copy', 'svchost-sent-at'],
    ...['svchost-message-id', 'svchost-reply-to', '__proto__', 'constructor', 'Nats-Msg-Id'],
  ),
);

const bytes = fc.uint8Array({ maxLength: 400 }).map((content) => Buffer.from(content));

it('a field table, with what cannot be decoded as bytes', () => {
  fc.assert(
    fc.property(bytes, (content) => {
      const { fields, rest } = decodeTable(content);
      expect(rest ?? Buffer.alloc(0)).toBeInstanceOf(Buffer);
      expect(headersSize(fields)).toBeGreaterThan(0);
    }),
    { numRuns: 2000 },
  );
});

it('the properties of an AMQP message, if it is one', () => {
  const frame = fc.tuple(fc.integer({ min: 0, max: 0xffff }), bytes).map(([flags, rest]) => {
    const payload = Buffer.concat([Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]), uint16(flags), rest]);
    return Buffer.concat([Buffer.from([2, 0, 1]), uint32(payload.length), payload, Buffer.from([0xce])]);
  });
  fc.assert(
    fc.property(frame, (content) => {
      expect(readContentHeader(content)).toMatchObject({ id: 60, channel: 1, size: 5 });
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(bytes, (content) => {
      readContentHeader(content);
    }),
    { numRuns: 1000 },
  );
});

it('the lines of a NATS message, at its first attempt unless it is a copy', () => {
  const lines = fc.array(
    fc.tuple(fc.constantFrom('a', 'svchost-headers', 'svchost-copy', 'svchost-attempt'), text),
    {
      maxLength: 8,
    },
  );
  fc.assert(
    fc.property(lines, fc.boolean(), fc.nat(), (entries, isCopy, deliveries) => {
      const headers = makeHeaders();
      for (const [line, value] of entries) headers.append(line, value.replace(/[\r\n]/g, ''));
      const subject = isCopy ? 'svchost.orders.copy' : 'svchost.orders';
      const reply = `$JS.ACK.orders.c.${deliveries + 1}.7.7.1700000000000000000.0`;
      const message = { headers, subject, reply, data: new Uint8Array() } as unknown as Parameters<
        typeof readNats
      >[0];
      const received = readNats(message, 'orders', 5);
      const attempt = received.history.attempt ?? 1;
      expect(attempt).toBeGreaterThanOrEqual(1);
      expect(attempt).toBeLessThanOrEqual(isCopy ? 5 : 1);
      expect(received.crashes).toBeGreaterThanOrEqual(0);
      expect(received.copy.delayMs).toBeGreaterThanOrEqual(0);
      expect(decodeWire(headers).headers).toBeTypeOf('object');
    }),
    { numRuns: 1000 },
  );
});

it('the attributes and the body of an SQS message', () => {
  const attribute = fc.record(
    { DataType: text, StringValue: text, BinaryValue: bytes },
    { requiredKeys: ['DataType'] },
  );
  const system = fc.dictionary(
    fc.constantFrom(
      'ApproximateReceiveCount',
      'SentTimestamp',
      'ApproximateFirstReceiveTimestamp',
      'MessageGroupId',
    ),
    fc.oneof(text, fc.nat().map(String)),
  );
  fc.assert(
    fc.property(fc.dictionary(name, attribute), system, text, (MessageAttributes, Attributes, Body) => {
      const received = readMessage({ MessageId: 'id', Body, MessageAttributes, Attributes }, 0);
      expect(received.attempt).toBeGreaterThanOrEqual(1);
      expect(deliveryHeaders(received, readNotification(Body))).toBeTypeOf('object');
    }),
    { numRuns: 1000 },
  );
});

it('the headers of a row in the file', () => {
  fc.assert(
    fc.property(text, (json) => {
      expect(readHeaders(json)).toBeTypeOf('object');
    }),
    { numRuns: 1000 },
  );
});

it('a body, or the error says what is wrong with it and does not quote it', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        bytes,
        text.map((content) => Buffer.from(content)),
      ),
      (body) => {
        try {
          decodeMessage(body);
        } catch (error) {
          expect(String(error)).toMatch(/: the body is (empty|not UTF-8|not JSON|nested too deeply)$/);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

function uint16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16BE(value);
  return buffer;
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}
