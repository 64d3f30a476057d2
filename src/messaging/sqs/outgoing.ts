// One message in SQS's form: text, attributes, group. Explains any message that SQS would refuse. Pure, but for ids.
import { createHash, randomUUID } from 'node:crypto';
import type { SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs';
import { SendError, UnsupportedError, UnwritableError } from '../../errors.ts';
import type { SendOptions } from '../adapter.ts';
import type { Headers } from '../message.ts';
import {
  attributesSize,
  bodyText,
  byteLength,
  encodeHeaders,
  factHeaders,
  largestMessageBytes,
  type Attributes,
} from './attribute.ts';
import type { SqsQueue } from './queue.ts';

/** An entry of a batch call, without its id in the batch. */
export type Outgoing = Omit<SendMessageBatchRequestEntry, 'Id'>;

/** Headers that set a message's group and deduplication id on a FIFO queue. Deliveries have the group as well. */
export const fifoHeader = {
  group: 'svchost-group',
  deduplication: 'svchost-deduplication',
} as const;

/** The group of messages that name none: one for all, since users of FIFO queues expect an order. */
const commonGroup = 'svchost';

/** The longest delay of a message, in milliseconds (SQS API, SendMessage, DelaySeconds). */
const longestDelayMs = 900_000;

/** Group and deduplication ids that SQS allows. */
const allowedId = /^[\w!"#$%&'()*+,\-./:;<=>?@[\\\]^`{|}~]{1,128}$/;

/**
 * A message to send.
 *
 * @throws SendError the body is not text that SQS accepts, or is too large, or a header has no form in JSON
 * @throws UnsupportedError SQS does not support this delay
 */
export function outgoingMessage(queue: SqsQueue, body: Uint8Array, options: SendOptions): Outgoing {
  const text = bodyText(body);
  if (text === undefined) {
    const why =
      'SQS accepts only UTF-8 text, not empty, without control characters other than tab and line ends';
    throw notSent(queue, `${why}; encode the body`);
  }
  const { headers = {}, delayMs, ...facts } = options;
  const { [fifoHeader.group]: group, [fifoHeader.deduplication]: deduplication, ...others } = headers;
  const MessageAttributes = attributesOf(queue, {
    ...(queue.isFifo ? others : headers),
    ...factHeaders(facts),
  });
  const bytes = byteLength(text) + attributesSize(MessageAttributes);
  if (bytes > largestMessageBytes) {
    const why = `the message has ${bytes} bytes with its headers, and SQS allows ${largestMessageBytes}`;
    throw notSent(queue, `${why}; send a reference to the content instead`);
  }
  return {
    MessageBody: text,
    ...(Object.keys(MessageAttributes).length > 0 && { MessageAttributes }),
    ...delay(queue, delayMs),
    ...(queue.isFifo && {
      MessageGroupId: fifoId(group ?? commonGroup),
      MessageDeduplicationId: fifoId(deduplication ?? facts.messageId ?? randomUUID()),
    }),
  };
}

/** Turns any value into an id that SQS allows: the value itself if it is one, otherwise its hash. */
export function fifoId(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return allowedId.test(text) ? text : createHash('sha256').update(text).digest('hex');
}

/** The bytes of a message that count towards the size of a call. */
export function outgoingSize({ MessageBody = '', MessageAttributes = {} }: Outgoing): number {
  return byteLength(MessageBody) + attributesSize(MessageAttributes);
}

function attributesOf(queue: SqsQueue, headers: Headers): Attributes {
  try {
    return encodeHeaders(headers);
  } catch (cause) {
    throw new UnwritableError(queue.name, cause);
  }
}

function delay({ name, isFifo }: SqsQueue, delayMs = 0): Pick<Outgoing, 'DelaySeconds'> {
  if (delayMs <= 0) return {};
  if (isFifo) {
    throw new UnsupportedError(
      `SQS cannot delay single messages of a FIFO queue ("${name}"); send without a delay`,
    );
  }
  if (delayMs > longestDelayMs) {
    throw new UnsupportedError(
      `SQS can delay a message by at most ${longestDelayMs / 1000} s; send it later`,
    );
  }
  // Rounded up to whole seconds, so that it is never early.
  return { DelaySeconds: Math.ceil(delayMs / 1000) };
}

function notSent({ name }: SqsQueue, why: string, cause?: unknown): SendError {
  return new SendError(name, `not sent to queue "${name}": ${why}`, { cause });
}
