// Keeps a message whose properties amqplib cannot decode from costing the connection, and so from blocking its queue: it
// would be redelivered on every new one. Its headers are decoded here as far as possible; the rest stays as bytes.
import type { ChannelModel, Connection } from 'amqplib';
import { header } from '../dead-letter.ts';
import type { Headers } from '../message.ts';
import { decodeTable, FieldReader } from './field-table.ts';

/** amqplib's connection, as far as it is replaced here. It is private: the version is pinned, and a test guards it. */
interface FrameSource {
  /** Bytes received and not decoded; the next frame is at the start. */
  rest: Buffer;
  /** Takes the next frame off `rest`, then decodes it; false if it is not complete. */
  recvFrame: () => unknown;
}

/** A content header frame in amqplib's form. */
export interface ContentHeader {
  /** The class of basic. */
  readonly id: number;
  readonly channel: number;
  /** Of the body, in bytes. */
  readonly size: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Makes a new connection accept messages that amqplib cannot decode. */
export function acceptUndecodable({ connection }: ChannelModel): void {
  const source = connection as Connection & FrameSource;
  const { recvFrame } = source;
  source.recvFrame = () => {
    const { rest } = source;
    try {
      // Calls itself through `source` once it has read more bytes: the innermost call has the frame in `rest`.
      return recvFrame.call(source);
    } catch (error) {
      const isTaken = rest !== source.rest;
      const frame = isTaken ? readContentHeader(rest) : undefined;
      if (!frame) throw error;
      return frame;
    }
  };
}

/** AMQP 0-9-1, "Frame Details". */
const contentHeaderFrame = 2;
const basicClass = 60;

/**
 * The properties of a message, in the order in which they follow the flags, the first at the highest bit (AMQP 0-9-1,
 * class basic).
 */
const properties: readonly (readonly [name: string, read: (reader: FieldReader) => unknown])[] = [
  ['contentType', (reader) => reader.shortText()],
  ['contentEncoding', (reader) => reader.shortText()],
  ['headers', readHeaders],
  ['deliveryMode', (reader) => reader.uint8()],
  ['priority', (reader) => reader.uint8()],
  ['correlationId', (reader) => reader.shortText()],
  ['replyTo', (reader) => reader.shortText()],
  ['expiration', (reader) => reader.shortText()],
  ['messageId', (reader) => reader.shortText()],
  ['timestamp', (reader) => reader.uint64()],
  ['type', (reader) => reader.shortText()],
  ['userId', (reader) => reader.shortText()],
  ['appId', (reader) => reader.shortText()],
  ['clusterId', (reader) => reader.shortText()],
];

/** Reads the frame at the start of `bytes`; undefined if it is not a message's content header, or not complete. */
export function readContentHeader(bytes: Buffer): ContentHeader | undefined {
  try {
    const frame = new FieldReader(bytes);
    const type = frame.uint8();
    const channel = frame.uint16();
    const payload = new FieldReader(frame.longBytes());
    const id = payload.uint16();
    if (type !== contentHeaderFrame || id !== basicClass) return undefined;
    // The weight, which is unused.
    payload.uint16();
    return { id, channel, size: payload.uint64(), fields: readProperties(payload) };
  } catch {
    return undefined;
  }
}

function readProperties(reader: FieldReader): Record<string, unknown> {
  const flags = reader.uint16();
  const fields: Record<string, unknown> = {};
  const present = properties.filter((_property, index) => flags & (0x8000 >> index));
  for (const [name, read] of present) {
    const { rest } = reader;
    try {
      fields[name] = read(reader);
    } catch {
      fields['headers'] = { ...(fields['headers'] as Headers | undefined), [header.undecodable]: rest };
      break;
    }
  }
  return fields;
}

function readHeaders(reader: FieldReader): Headers {
  const { fields, rest } = decodeTable(reader.longBytes());
  return rest ? { ...fields, [header.undecodable]: rest } : fields;
}
