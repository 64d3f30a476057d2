// Headers and facts in NATS's form, lines of text. Those that no line can hold share one line as JSON. Pure.
import { headers as createHeaders, type MsgHdrs } from '@nats-io/transport-node';
import type { SendOptions } from '../adapter.ts';
import type { Headers } from '../message.ts';

/** svchost's own headers on NATS, beyond those that all brokers have. Senders cannot use these names for other headers. */
export const wireHeader = {
  messageId: 'svchost-message-id',
  replyTo: 'svchost-reply-to',
  correlationId: 'svchost-correlation-id',
  /** When the message was first sent, in ISO 8601. */
  sentAt: 'svchost-sent-at',
  /** A copy's knowledge of the message before it; see copy.ts. */
  copy: 'svchost-copy',
  /** Headers that no line can hold, as a JSON object. */
  packed: 'svchost-headers',
} as const;

const reserved: ReadonlySet<string> = new Set(Object.values(wireHeader));

/** Facts of a message that NATS has no fields for. */
export interface Facts {
  readonly messageId?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly sentAt?: Date | undefined;
}

/** A message's headers as its sender gave them, and the facts that travel beside them. */
export interface Wire {
  readonly headers: Headers;
  readonly facts: Facts;
  /** Undefined if it is not a copy. */
  readonly copy?: unknown;
}

/**
 * Writes headers and facts.
 *
 * @throws TypeError JSON cannot express a header
 */
export function encodeWire({ headers, facts, copy }: Wire): MsgHdrs {
  const entries = Object.entries(headers).filter(([name]) => !reserved.has(name));
  const { messageId, replyTo, correlationId, sentAt } = facts;
  entries.push(
    [wireHeader.messageId, messageId],
    [wireHeader.replyTo, replyTo],
    [wireHeader.correlationId, correlationId],
    [wireHeader.sentAt, sentAt?.toISOString()],
    [wireHeader.copy, copy],
  );
  const lines = createHeaders();
  const rest: [string, unknown][] = [];
  for (const [name, value] of entries) {
    if (isLine(name, value)) lines.append(name, value);
    else if (value !== undefined) rest.push([name, value]);
  }
  if (rest.length > 0) lines.append(wireHeader.packed, encodeJson(Object.fromEntries(rest)));
  return lines;
}

/** Reads headers and facts of any client's message. */
export function decodeWire(lines: MsgHdrs | undefined): Wire {
  const all = decodeAll(lines);
  const { messageId, replyTo, correlationId, sentAt, copy } = wireHeader;
  const at = new Date(text(all[sentAt]) ?? NaN);
  return {
    headers: Object.fromEntries(Object.entries(all).filter(([name]) => !reserved.has(name))),
    facts: {
      messageId: text(all[messageId]) ?? text(lines?.get('Nats-Msg-Id')),
      replyTo: text(all[replyTo]),
      correlationId: text(all[correlationId]),
      sentAt: Number.isNaN(at.getTime()) ? undefined : at,
    },
    copy: all[copy],
  };
}

/** How many bytes the headers take. */
export function sizeOf(lines: MsgHdrs): number {
  let size = 'NATS/1.0\r\n\r\n'.length;
  for (const [name, values] of lines)
    for (const value of values) size += Buffer.byteLength(`${name}: ${value}\r\n`);
  return size;
}

function decodeAll(lines: MsgHdrs | undefined): Headers {
  const entries: [string, unknown][] = [];
  for (const [name, values] of lines ?? [])
    if (!isServers(name)) entries.push([name, values.length === 1 ? values[0] : values]);
  const index = entries.findIndex(([name]) => name === wireHeader.packed);
  if (index >= 0) entries.splice(index, 1, ...decodeJson(entries[index]?.[1]));
  return Object.fromEntries(entries);
}

/** Whether the server acts on a header of this name, for deduplication, expectations or roll-ups. */
function isServers(name: string): boolean {
  return /^nats-/i.test(name);
}

/** Whether a header can be a line unchanged. */
function isLine(name: string, value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^[!-9;-~]+$/.test(name) &&
    !isServers(name) &&
    value === value.trim() &&
    // eslint-disable-next-line no-control-regex
    !/[\u0000-\u001F\u007F]/.test(value) &&
    value.isWellFormed()
  );
}

/** Line breaks are escaped in JSON, so it is always one line. */
function encodeJson(value: unknown): string {
  return JSON.stringify(value);
}

function decodeJson(value: unknown): [string, unknown][] {
  if (typeof value !== 'string') return [];
  try {
    const packed: unknown = JSON.parse(value);
    return packed !== null && typeof packed === 'object' && !Array.isArray(packed)
      ? Object.entries(packed)
      : [];
  } catch {
    return [];
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The facts that a sender gives. */
export function sentFacts(options: SendOptions, messageId: string, sentAt: Date): Facts {
  return { messageId, replyTo: options.replyTo, correlationId: options.correlationId, sentAt };
}
