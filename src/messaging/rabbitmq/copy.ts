// The copies that a retry and a dead letter are: their properties and headers. Pure.
import type { MessagePropertyHeaders, MessageProperties, Options } from 'amqplib';
import { header, type DeadReason, type Failure } from '../adapter.ts';

/** A received message's facts that its copies carry on. */
export interface Original {
  readonly messageId: string;
  readonly attempt: number;
  /** When the first attempt began, ISO 8601. */
  readonly firstSeen: string;
  readonly queueName: string;
  readonly properties: MessageProperties;
}

/**
 * Headers that a copy must not take along: `CC` and `BCC` make the broker send it to further queues, and the others
 * are the broker's own record of a message's travels, which it refuses or ignores from a client.
 */
const brokersOwn = /^(CC|BCC|x-death|x-first-death-.*|x-last-death-.*|x-delivery-count|x-acquired-count)$/;

/**
 * Properties that a copy takes along. Not among them: `expiration`, which would make it vanish from the wait or
 * dead-letter queue, and `userId`, which the broker refuses where it is not ours.
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

function copyOf(original: Original, ownHeaders: MessagePropertyHeaders): Options.Publish {
  const { messageId, properties } = original;
  const kept = Object.entries(properties.headers ?? {}).filter(
    ([name]) => !brokersOwn.test(name) && name !== header.attempt,
  );
  return {
    ...Object.fromEntries(carried.map((name) => [name, properties[name] as unknown])),
    messageId,
    persistent: true,
    headers: { ...Object.fromEntries(kept), ...ownHeaders },
  };
}

/** The copy that goes to a wait queue, to come back as the next attempt. */
export function retryCopy(original: Original): Options.Publish {
  return copyOf(original, {
    [header.attempt]: original.attempt + 1,
    [header.firstSeen]: original.firstSeen,
  });
}

/** The copy that goes to the dead-letter queue, with the reason. It starts anew there: no attempt is counted. */
export function deadCopy(original: Original, reason: DeadReason, error: Failure, now: Date): Options.Publish {
  return copyOf(original, {
    [header.reason]: reason,
    [header.error]: `${error.name}: ${error.message}`,
    [header.sourceQueue]: original.queueName,
    [header.attempts]: original.attempt,
    [header.firstSeen]: original.firstSeen,
    [header.lastSeen]: now.toISOString(),
  });
}

/** The same copy with svchost's headers only, and a note that there were others. */
export function withoutForeignHeaders(copy: Options.Publish): Options.Publish {
  const headers = (copy.headers ?? {}) as MessagePropertyHeaders;
  const own = Object.entries(headers).filter(([name]) => name.startsWith('svchost-'));
  return { ...copy, headers: { ...Object.fromEntries(own), 'svchost-headers-dropped': true } };
}

/** AMQP 0-9-1 has one byte for the length of a property. */
const longestPropertyBytes = 255;

/** The same copy with nothing but svchost's headers and the message's id, where that can be written. */
export function withoutForeignProperties(copy: Options.Publish): Options.Publish {
  const { messageId = '' } = copy;
  const headers = withoutForeignHeaders(copy).headers as unknown;
  // An id that was no UTF-8 has grown: what could not be read of it counts three bytes each.
  const fits = messageId !== '' && Buffer.byteLength(messageId) <= longestPropertyBytes;
  return { persistent: true, headers, ...(fits ? { messageId } : {}) };
}
