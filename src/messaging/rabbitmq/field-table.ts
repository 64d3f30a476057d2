// Decodes AMQP field tables that amqplib refuses: with types that it does not know, or malformed. Pure.
import type { Headers } from '../message.ts';

/** A decoded table. */
export interface FieldTable {
  readonly fields: Headers;
  /** The bytes from the first field on that could not be decoded; undefined if all were. */
  readonly rest: Buffer | undefined;
}

/** A read beyond the end, or a field type that is unknown, and so of unknown length. */
class UndecodableError extends Error {}

/** Reads values in order. Its methods throw an UndecodableError or a RangeError if the bytes do not fit. */
export class FieldReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  /** The bytes not read so far. */
  get rest(): Buffer {
    return this.#bytes.subarray(this.#offset);
  }

  take(length: number): Buffer {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw new UndecodableError(`${length} bytes expected`);
    const taken = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  uint8(): number {
    return this.take(1).readUInt8();
  }

  uint16(): number {
    return this.take(2).readUInt16BE();
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  uint64(): number {
    return Number(this.take(8).readBigUInt64BE());
  }

  shortText(): string {
    return this.take(this.uint8()).toString('utf8');
  }

  longBytes(): Buffer {
    return this.take(this.uint32());
  }
}

/**
 * Decodes a table as far as possible. A table or list inside it that cannot be decoded becomes a Buffer of its bytes.
 */
export function decodeTable(bytes: Buffer): FieldTable {
  const reader = new FieldReader(bytes);
  const entries: [string, unknown][] = [];
  let rest: Buffer | undefined;
  while (!reader.isAtEnd && !rest) {
    const before = reader.rest;
    try {
      entries.push([reader.shortText(), readValue(reader)]);
    } catch {
      rest = before;
    }
  }
  return { fields: Object.fromEntries(entries), rest };
}

/**
 * The field types by their letter: those of RabbitMQ (documentation, "AMQP 0-9-1 Errata", section 3), and two of the
 * specification that clients write as well. Values have the forms that amqplib gives them, so that it can write them
 * again.
 */
const readers: Readonly<Record<string, (reader: FieldReader) => unknown>> = {
  t: (reader) => reader.uint8() !== 0,
  b: (reader) => reader.take(1).readInt8(),
  B: (reader) => reader.uint8(),
  s: (reader) => reader.take(2).readInt16BE(),
  U: (reader) => reader.take(2).readInt16BE(),
  u: (reader) => reader.uint16(),
  I: (reader) => reader.take(4).readInt32BE(),
  i: (reader) => reader.uint32(),
  l: (reader) => Number(reader.take(8).readBigInt64BE()),
  // Celery's client writes it for integers beyond 32 bits.
  L: (reader) => Number(reader.take(8).readBigInt64BE()),
  f: (reader) => reader.take(4).readFloatBE(),
  d: (reader) => reader.take(8).readDoubleBE(),
  D: (reader) => ({ '!': 'decimal', value: { places: reader.uint8(), digits: reader.uint32() } }),
  T: (reader) => ({ '!': 'timestamp', value: reader.uint64() }),
  S: (reader) => reader.longBytes().toString('utf8'),
  x: (reader) => reader.longBytes(),
  V: () => null,
  F: (reader) => decodeInner(reader.longBytes()),
  A: (reader) => decodeList(reader.longBytes()),
};

function readValue(reader: FieldReader): unknown {
  const type = String.fromCharCode(reader.uint8());
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (!read) throw new UndecodableError(`field type "${type}" is unknown`);
  return read(reader);
}

function decodeInner(bytes: Buffer): Headers | Buffer {
  const { fields, rest } = decodeTable(bytes);
  return rest ? bytes : fields;
}

function decodeList(bytes: Buffer): unknown[] | Buffer {
  const reader = new FieldReader(bytes);
  const values: unknown[] = [];
  try {
    while (!reader.isAtEnd) values.push(readValue(reader));
    return values;
  } catch {
    return bytes;
  }
}

/**
 * The bytes that headers take on the wire, at most; amqplib decides the exact types of numbers.
 *
 * @param headers undefined for none
 */
export function headersSize(headers: Headers | undefined): number {
  return valueSize(headers ?? {});
}

function valueSize(value: unknown): number {
  if (typeof value === 'string') return 5 + Buffer.byteLength(value);
  if (Buffer.isBuffer(value)) return 5 + value.length;
  // The longest number, with its type.
  if (value === null || typeof value !== 'object') return 9;
  const values: readonly unknown[] = Object.values(value);
  const names = Array.isArray(value) ? [] : Object.keys(value);
  const nameBytes = names.reduce((sum, name) => sum + 1 + Buffer.byteLength(name), 0);
  return values.reduce<number>((sum, each) => sum + valueSize(each), 5 + nameBytes);
}
