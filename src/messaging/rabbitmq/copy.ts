// The copies of a message for retries and dead letters: their properties and headers. Pure.
import type { MessageProperties, Options } from 'amqplib';
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

/** The facts of a received message that its copies carry. */
export interface Original extends History {
  readonly messageId: string;
  readonly properties: MessageProperties;
}

/** A copy of a message: its sender's properties and headers, and svchost's own headers. */
export interface Copy {
  readonly messageId: string;
  readonly sent: MessageProperties;
  readonly own: Headers;
}

/** The copy that goes to a wait queue and returns from it as the next attempt. */
export function retryCopy(original: Original): Copy {
  const { messageId, properties, attempt } = original;
  return { messageId, sent: properties, own: attemptHeaders({ ...original, attempt: attempt + 1 }) };
}

/** The copy that goes to the dead-letter queue, with the reason. */
export function deadLetterCopy(original: Original, verdict: Verdict): Copy {
  const { messageId, properties } = original;
  return { messageId, sent: properties, own: deadLetterHeaders(original, verdict) };
}

/**
 * The forms in which a copy can be sent, each with less in it than the one before: amqplib cannot write every header
 * and property that another client may have sent.
 */
export function formsOf(copy: Copy): readonly [Options.Publish, ...Options.Publish[]] {
  const { messageId, sent, own } = copy;
  const reduced = { ...own, [header.headersDropped]: true };
  const least = leastHeaders(own);
  const properties = Object.fromEntries(carried.map((name) => [name, sent[name] as unknown]));
  const base = { messageId, persistent: true };
  return [
    { ...properties, ...base, headers: { ...foreignHeaders(sent), ...own } },
    { ...properties, ...base, headers: reduced },
    // An id that is not UTF-8 has grown when it was decoded: each invalid byte became three.
    { persistent: true, headers: reduced, ...(isWritableId(messageId) && { messageId }) },
    { persistent: true, headers: least, ...(isWritableId(messageId) && { messageId }) },
  ];
}

/**
 * Properties that a copy keeps. Not among them: `expiration`, which would make it vanish from the wait or dead-letter
 * queue, and `userId`, which the broker refuses unless it is our own user.
 */
const carried = [
  'contentType',
  'contentEncoding',
  'priority',
  'correlationId',
  'replyTo',
  'timestamp',
  'type',
  'appId',
] as const;

/**
 * Headers that a copy must not keep: `CC` and `BCC` make the broker send it to further queues; the others are the
 * broker's own record of the message's path, which it refuses or ignores from a client.
 */
const brokersOwn = /^(CC|BCC|x-death|x-first-death-.*|x-last-death-.*|x-delivery-count|x-acquired-count)$/;

function foreignHeaders({ headers = {} }: MessageProperties): Headers {
  return Object.fromEntries(Object.entries(sentHeaders(headers)).filter(([name]) => !brokersOwn.test(name)));
}

/** AMQP 0-9-1 has one byte for the length of a text property. */
const longestPropertyBytes = 255;

function isWritableId(messageId: string): boolean {
  return messageId !== '' && Buffer.byteLength(messageId) <= longestPropertyBytes;
}
