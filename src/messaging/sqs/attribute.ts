// Bodies and headers in SQS's forms: text and message attributes. Headers that fit none share one as JSON. Pure.
import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import type { Headers } from '../message.ts';

/** Message attributes as SQS sends and accepts them, by name. */
export type Attributes = Readonly<Record<string, MessageAttributeValue>>;

/** svchost's attributes that other brokers do not need. */
export const attributeName = {
  /** The sender's message id: SQS gives each message, and each copy, an id of its own. */
  messageId: 'svchost-message-id',
  replyTo: 'svchost-reply-to',
  correlationId: 'svchost-correlation-id',
  /** Headers that no attribute can hold, or for which there was no room, as a JSON object. */
  headers: 'svchost-headers',
} as const;

/** The field that stands for bytes within the JSON of `svchost-headers`. */
const packedBytes = 'svchost-base64';

/** Facts of a message for which SQS, unlike other brokers, has no fields. */
export interface Facts {
  readonly messageId?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly correlationId?: string | undefined;
}

/** The limit in bytes on body and attributes, of a message and of a batch (SQS developer guide, "Quotas"). */
export const largestMessageBytes = 1_048_576;

/** SQS API, Message attributes: ten at most. */
const mostAttributes = 10;

/** SQS API, Message attributes: letters, digits, `_`, `-`, `.`; no reserved prefix, no period at an end or twice. */
const allowedName = /^(?!aws\.|amazon\.|\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)$/i;

/** SQS API, SendMessage: these characters only, as XML 1.0 has them. With `u`, a lone surrogate is no match. */
const allowedText = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u;

const forbidden = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** The text with a replacement character for each character that SQS forbids. */
export function cleanText(text: string): string {
  return text.replace(forbidden, '\uFFFD');
}

/** A body as text; undefined if it is not text that SQS accepts. */
export function bodyText(body: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    return text !== '' && allowedText.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** The length of a text in UTF-8, in bytes. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text);
}

/** The given facts as headers. */
export function factHeaders(facts: Facts): Headers {
  const names = ['messageId', 'replyTo', 'correlationId'] as const;
  return Object.fromEntries(
    names.flatMap((name) => (facts[name] === undefined ? [] : [[attributeName[name], facts[name]]])),
  );
}

/** Takes the facts out of headers. */
export function readFacts(headers: Headers): { readonly facts: Facts; readonly rest: Headers } {
  const {
    [attributeName.messageId]: messageId,
    [attributeName.replyTo]: replyTo,
    [attributeName.correlationId]: correlationId,
    ...rest
  } = headers;
  return {
    facts: { messageId: text(messageId), replyTo: text(replyTo), correlationId: text(correlationId) },
    rest,
  };
}

/**
 * Headers as attributes. Strings, whole numbers and bytes become attributes of their own, svchost's first; all others,
 * and those beyond the tenth, go into `svchost-headers`.
 *
 * @param originals attributes as they were received, reused for headers of the same name
 * @throws TypeError a header has no form in JSON
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
  if (rest.length > 0) {
    plain.push([attributeName.headers, textAttribute(encodeJson(Object.fromEntries(rest)))]);
  }
  return Object.fromEntries(plain);
}

/** Attributes as headers: numbers as numbers, bytes as bytes. */
export function decodeHeaders(attributes: Attributes | undefined): Headers {
  if (!attributes) return {};
  const entries = Object.entries(attributes);
  const packed = attributes[attributeName.headers]?.StringValue;
  const plain = entries.filter(([name]) => packed === undefined || name !== attributeName.headers);
  return Object.fromEntries([
    ...plain.map(([name, value]) => [name, decodeValue(value)] as const),
    ...Object.entries(decodeJson(packed)),
  ]);
}

/** The bytes of attributes that count towards a message's size: names, types and values. */
export function attributesSize(attributes: Attributes): number {
  return Object.entries(attributes).reduce((sum, [name, { DataType, StringValue, BinaryValue }]) => {
    const value = BinaryValue ? BinaryValue.length : byteLength(StringValue ?? '');
    return sum + byteLength(name) + byteLength(DataType ?? '') + value;
  }, 0);
}

function encodeValue(name: string, value: unknown): MessageAttributeValue | undefined {
  // Any code that assigns attributes by name would lose this one.
  if (!allowedName.test(name) || name === '__proto__') return undefined;
  if (typeof value === 'string' && value !== '' && allowedText.test(value)) return textAttribute(value);
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
  // A number in another notation (01, 1e3) stays text, so that the notation is kept.
  return DataType.startsWith('Number') && String(number) === StringValue ? number : (StringValue ?? '');
}

/** JSON.stringify escapes control characters and lone surrogates; SQS forbids U+FFFE and U+FFFF as well. */
function encodeJson(value: unknown): string {
  const json = JSON.stringify(value, (_name, part: unknown) =>
    part instanceof Uint8Array ? { [packedBytes]: Buffer.from(part).toString('base64') } : part,
  );
  return json.replace(/[\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

/** Bytes that were packed into JSON, as bytes; any other value as it is. */
function unpackBytes(part: unknown): unknown {
  if (part === null || typeof part !== 'object' || !(packedBytes in part)) return part;
  const { [packedBytes]: base64, ...others } = part as Record<string, unknown>;
  const isPacked = typeof base64 === 'string' && Object.keys(others).length === 0;
  return isPacked ? Buffer.from(base64, 'base64') : part;
}

function decodeJson(json: string | undefined): object {
  try {
    const value: unknown = JSON.parse(json ?? '{}', (_name, part: unknown) => unpackBytes(part));
    return value !== null && typeof value === 'object' ? value : {};
  } catch {
    return {};
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
