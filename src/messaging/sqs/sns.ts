// Notifications of SNS, which a topic wraps around its messages unless raw delivery is set. Pure.
import type { Headers } from '../message.ts';

/** The parts of a notification that reach a processor. */
export interface SnsNotification {
  readonly message: string;
  readonly topic: string;
  readonly subject: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** Headers with facts of the notification. */
export const snsHeader = { subject: 'sns-subject', topic: 'sns-topic-arn' } as const;

/**
 * The notification in a body; undefined if it is none (SNS developer guide, "HTTP/HTTPS notification JSON format", which
 * queues get as well).
 */
export function readNotification(body: string): SnsNotification | undefined {
  if (!body.includes('"Notification"')) return undefined;
  try {
    const { Type, TopicArn, Message, Subject, MessageAttributes } = JSON.parse(body) as Record<
      string,
      unknown
    >;
    if (Type !== 'Notification' || typeof TopicArn !== 'string' || typeof Message !== 'string')
      return undefined;
    return {
      message: Message,
      topic: TopicArn,
      subject: typeof Subject === 'string' ? Subject : undefined,
      attributes: isRecord(MessageAttributes) ? MessageAttributes : {},
    };
  } catch {
    return undefined;
  }
}

/** The notification's attributes as headers, as if the topic had passed them on, and its topic and subject. */
export function snsHeaders({ attributes, topic, subject }: SnsNotification): Headers {
  const entries = Object.entries(attributes).flatMap(([name, attribute]) => {
    const value = attributeValue(attribute);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(entries),
    [snsHeader.topic]: topic,
    ...(subject !== undefined && { [snsHeader.subject]: subject }),
  };
}

/** SNS developer guide, "Amazon SNS message attributes": String, String.Array, Number or Binary. */
function attributeValue(attribute: unknown): unknown {
  if (!isRecord(attribute) || typeof attribute['Value'] !== 'string') return undefined;
  const { Type: type, Value: value } = attribute;
  if (type === 'Binary') return Buffer.from(value, 'base64');
  const number = Number(value);
  // A number in another notation (01, 1e3) stays text, as it does on SQS.
  return type === 'Number' && String(number) === value ? number : value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
