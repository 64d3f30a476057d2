// Reads a message as the server delivers it: its ack subject, headers and body. Pure.
import { randomUUID } from 'node:crypto';
import type { Msg } from '@nats-io/transport-node';
import type { Headers } from '../message.ts';
import { readHistory, type History } from '../dead-letter.ts';
import { decodeWire, type Facts } from './header.ts';
import { copySubject } from './name.ts';
import { readCopyState, type CopyState } from './copy.ts';

/** The server's facts about one delivery. */
export interface DeliveryInfo {
  readonly stream: string;
  readonly consumer: string;
  /** 1 for the first. */
  readonly deliveryCount: number;
  readonly sequence: string;
  /** When the server stored the message, in nanoseconds since the epoch. */
  readonly storedNs: string;
}

/** A received message. */
export interface Received {
  /** The subject to send outcomes to. */
  readonly reply: string;
  readonly info: DeliveryInfo;
  readonly messageId: string;
  readonly body: Uint8Array;
  /** As its sender gave them. */
  readonly headers: Headers;
  readonly facts: Facts;
  readonly copy: CopyState;
  /** The history of earlier attempts; empty at the first. */
  readonly history: Partial<History>;
  /** How often this attempt was delivered before, without an outcome. */
  readonly crashes: number;
  readonly redelivered: boolean;
}

/**
 * Reads a delivery. Anyone can write headers, but only svchost publishes on the subject of copies: there, the headers give
 * the history. All other messages are at their first attempt.
 *
 * @param maxAttempts how many times a message is tried
 */
export function readMessage(message: Msg, queueName: string, maxAttempts: number): Received {
  const reply = message.reply ?? '';
  const info = readInfo(reply);
  const { headers, facts, copy: state } = decodeWire(message.headers);
  const isCopy = message.subject === copySubject(queueName);
  const copy = readCopyState(isCopy ? state : undefined);
  // A delayed copy is first delivered before it is due. If the first delivery comes late, one crash remains uncounted.
  const lost = Math.max(0, info.deliveryCount - (copy.delayMs > 0 ? 2 : 1));
  return {
    reply,
    info,
    messageId: facts.messageId ?? randomUUID(),
    body: message.data,
    headers,
    facts,
    copy,
    history: isCopy ? readHistory(headers, maxAttempts) : {},
    crashes: copy.crashes + lost,
    redelivered: copy.redelivered || lost > 0,
  };
}

/** When the server stored the message. */
export function storedAt({ storedNs }: DeliveryInfo): Date {
  return new Date(Math.floor(Number(storedNs) / 1e6));
}

/**
 * The parts of an ack subject (NATS ADR-15): `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<stream
 * sequence>.<consumer sequence>.<time>.<pending>[.<token>]`.
 */
function readInfo(reply: string): DeliveryInfo {
  const tokens = reply.split('.');
  const [stream = '', consumer = '', deliveries = '1', sequence = '0', , storedNs = '0'] = tokens.slice(
    tokens.length === 9 ? 2 : 4,
  );
  return { stream, consumer, deliveryCount: Number(deliveries), sequence, storedNs };
}
