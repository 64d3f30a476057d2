// What a received message says: id, attempt, times, headers, body. Pure.
import type { Message } from '@aws-sdk/client-sqs';
import { header, type Headers } from '../adapter.ts';
import { attributeName, decodeHeaders } from './attribute.ts';
import { fifoHeader } from './outgoing.ts';

export interface Received {
  readonly messageId: string;
  /** How often SQS has handed the message out: retries, but also hand-backs and hosts that died. */
  readonly attempt: number;
  readonly enqueuedAt: Date | undefined;
  readonly firstSeen: Date;
  readonly group: string | undefined;
  /** As they were sent. */
  readonly sentHeaders: Headers;
}

/** @param now milliseconds since the epoch, for a message that does not say when it was first received */
export function readMessage(message: Message, now: number): Received {
  const { Attributes = {}, MessageAttributes } = message;
  const { [attributeName.messageId]: sentId, ...sentHeaders } = decodeHeaders(MessageAttributes);
  return {
    messageId: typeof sentId === 'string' ? sentId : (message.MessageId ?? ''),
    attempt: Math.max(1, Number(Attributes.ApproximateReceiveCount ?? 1)),
    enqueuedAt: timestamp(Attributes.SentTimestamp),
    firstSeen: timestamp(Attributes.ApproximateFirstReceiveTimestamp) ?? new Date(now),
    group: Attributes.MessageGroupId,
    sentHeaders,
  };
}

/** The headers of a delivery: those that were sent, and from the second attempt on what a copy on RabbitMQ would say. */
export function deliveryHeaders({ sentHeaders, attempt, firstSeen, group }: Received): Headers {
  return {
    ...sentHeaders,
    ...(group !== undefined && { [fifoHeader.group]: group }),
    ...(attempt > 1 && { [header.attempt]: attempt, [header.firstSeen]: firstSeen.toISOString() }),
  };
}

/** The body; with `unwrapSns` the message of an SNS notification in place of its envelope. */
export function readBody(body: string, unwrapSns: boolean): Uint8Array {
  return Buffer.from((unwrapSns ? snsMessage(body) : undefined) ?? body);
}

/** SNS developer guide, "HTTP/HTTPS notification JSON format", which queues get as well. */
function snsMessage(body: string): string | undefined {
  if (!body.includes('"Notification"')) return undefined;
  try {
    const { Type, TopicArn, Message } = JSON.parse(body) as Record<string, unknown>;
    const isNotification = Type === 'Notification' && typeof TopicArn === 'string';
    return isNotification && typeof Message === 'string' ? Message : undefined;
  } catch {
    return undefined;
  }
}

function timestamp(text: string | undefined): Date | undefined {
  const date = new Date(Number(text));
  return Number.isNaN(date.getTime()) ? undefined : date;
}
