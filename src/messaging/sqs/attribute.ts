// Headers as SQS message attributes, and back. Owns what does not fit: it travels as JSON in one attribute. Pure.
import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import type { Headers } from '../adapter.ts';
import { byteLength, isSqsText } from './text.ts';

export type Attributes = Readonly<Record<string, MessageAttributeValue>>;

/** Attributes of ours beyond the headers that all brokers have. */
export const attributeName = {
  /** The sender's message id: SQS gives each message, and each copy, one of its own. */
  messageId: 'svchost-message-id',
  /** Headers that no attribute can hold, or for which there was no room, as a JSON object. */
  headers: 'svchost-headers',
} as const;

/** SQS API, Message attributes: ten at most. */
const mostAttributes = 10;

/** SQS API, Message attributes: letters, digits, `_`, `-`, `.`; no reserved prefix, no period at an end or beside another. */
const allowedName = /^(?!aws\.|amazon\.|\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)$/i;

/**
 * Headers as attributes. Strings, whole numbers and bytes become attributes of their own; what cannot, and what is
 * beyond the tenth, goes into `svchost-headers`.
 *
 * @param originals attributes that are taken along as they came, where their header is unchanged
 */
export function encodeHeaders(
  headers: Headers,
  originals: Attributes = {},
): Record<string, MessageAttributeValue> {
  const own: [string, MessageAttributeValue][] = [];
  const foreign: [string, MessageAttributeValue][] = [];
  const rest: [string, unknown][] = [];
  for (const [name, value] of Object.entries(headers)) {
    const attribute = Object.hasOwn(originals, name) ? originals[name] : encodeValue(name, value);
    if (attribute) (name.startsWith('svchost-') ? own : foreign).push([name, attribute]);
    else if (value !== undefined) rest.push([name, value]);
  }
  const plain = [...own, ...foreign];
  const room = plain.length + Math.min(1, rest.length) > mostAttributes ? mostAttributes - 1 : mostAttributes;
  for (const [name] of plain.splice(room)) rest.push([name, headers[name]]);
  if (rest.length > 0)
    plain.push([attributeName.headers, textAttribute(encodeJson(Object.fromEntries(rest)))]);
  return Object.fromEntries(plain);
}

/** Attributes as headers: numbers as numbers, bytes as bytes. */
export function decodeHeaders(attributes: Attributes | undefined): Headers {
  const entries = Object.entries(attributes ?? {});
  const packed = attributes?.[attributeName.headers]?.StringValue;
  const plain = entries.filter(([name]) => packed === undefined || name !== attributeName.headers);
  return Object.fromEntries([
    ...plain.map(([name, value]) => [name, decodeValue(value)] as const),
    ...Object.entries(decodeJson(packed)),
  ]);
}

/** What attributes count towards a message's size, in bytes: names, types and values. */
export function attributesSize(attributes: Attributes): number {
  return Object.entries(attributes).reduce((sum, [name, { DataType, StringValue, BinaryValue }]) => {
    const value = BinaryValue ? BinaryValue.length : byteLength(StringValue ?? '');
    return sum + byteLength(name) + byteLength(DataType ?? '') + value;
  }, 0);
}

function encodeValue(name: string, value: unknown): MessageAttributeValue | undefined {
  // Assigned to by name somewhere on the way, this one would vanish.
  if (!allowedName.test(name) || name === '__proto__') return undefined;
  if (typeof value === 'string' && value !== '' && isSqsText(value)) return textAttribute(value);
  if (Number.isSafeInteger(value)) return { DataType: 'Number', StringValue: String(value) };
  if (value instanceof Uint8Array && value.length > 0) return { DataType: 'Binary', BinaryValue: value };
  return undefined;
}

function textAttribute(text: string): MessageAttributeValue {
  return { DataType: 'String', StringValue: text };
}

function decodeValue({ DataType = '', StringValue, BinaryValue }: MessageAttributeValue): unknown {
  if (BinaryValue) return BinaryValue;
  const number = Number(StringValue);
  // A number that would come back as another text stays text.
  return DataType.startsWith('Number') && String(number) === StringValue ? number : (StringValue ?? '');
}

/** JSON escapes control characters by itself, and lone surrogates; SQS forbids these two as well. */
function encodeJson(value: unknown): string {
  const json = JSON.stringify(value, (_name, part: unknown) =>
    part instanceof Uint8Array ? { base64: Buffer.from(part).toString('base64') } : part,
  );
  return json.replace(/[\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

function decodeJson(text: string | undefined): object {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return value !== null && typeof value === 'object' ? value : {};
  } catch {
    return {};
  }
}
