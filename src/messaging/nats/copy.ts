// The copies of a message for retries, requeues and dead letters: their headers, and how long they wait. Pure.
import type { MsgHdrs } from '@nats-io/transport-node';
import type { Headers } from '../message.ts';
import {
  attemptHeaders,
  deadLetterHeaders,
  header,
  leastHeaders,
  sentHeaders,
  type History,
  type Verdict,
} from '../dead-letter.ts';
import { encodeWire, type Facts } from './header.ts';

/** A copy's knowledge of the message before it, beyond the headers that all brokers have. */
export interface CopyState {
  /** How long it waits after the server has stored it, in milliseconds. */
  readonly delayMs: number;
  /** How often this attempt was delivered before, without an outcome. */
  readonly crashes: number;
  /** This attempt was delivered before. */
  readonly redelivered: boolean;
}

/** The facts of a message that its copies carry. */
export interface Original extends History {
  readonly headers: Headers;
  readonly facts: Facts;
  readonly crashes: number;
}

/** The forms in which a copy can be written, each smaller than the one before. */
export type Forms = readonly [MsgHdrs, ...MsgHdrs[]];

/** How much of the error a small dead letter keeps, in characters. */
const shortErrorLength = 200;

/** The room that each message leaves for the headers of its copies, without foreign ones, in bytes. */
export const copyRoomBytes = 2_048;

/** The copy that is the next attempt. */
export function retryCopy(original: Original, delayMs: number): Forms {
  const state = { delayMs, crashes: 0, redelivered: false };
  return formsOf(original, [attemptHeaders({ ...original, attempt: original.attempt + 1 })], state);
}

/** The copy that is the same attempt again. */
export function requeueCopy(original: Original): Forms {
  const state = { delayMs: 0, crashes: original.crashes, redelivered: true };
  return formsOf(original, [attemptHeaders(original)], state);
}

/** The copy that goes to the dead-letter queue, with the reason. */
export function deadLetterCopy(original: Original, verdict: Verdict): Forms {
  const { name, message } = verdict.error;
  const short = { name: cut(name), message: cut(message) };
  return formsOf(original, [
    deadLetterHeaders(original, verdict),
    deadLetterHeaders(original, { ...verdict, error: short }),
  ]);
}

/** The state in a copy's header. */
export function readCopyState(value: unknown): CopyState {
  const { delayMs, crashes, redelivered } = (value ?? {}) as Record<string, unknown>;
  return { delayMs: count(delayMs), crashes: count(crashes), redelivered: redelivered === true };
}

function formsOf({ headers, facts }: Original, own: readonly Headers[], copy?: CopyState): Forms {
  const foreign = sentHeaders(headers);
  const [first = {}, last = first] = own;
  return [
    encodeWire({ headers: { ...foreign, ...first }, facts, copy }),
    encodeWire({ headers: { ...foreign, ...last }, facts, copy }),
    encodeWire({ headers: { ...last, [header.headersDropped]: true }, facts, copy }),
    encodeWire({ headers: leastHeaders(last), facts, copy }),
  ];
}

function cut(text: string): string {
  return Array.from(text).slice(0, shortErrorLength).join('');
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
