// SNS notifications: which bodies are some, and what of them reaches a processor.
import { describe, expect, it } from 'vitest';
import { readMessage, SqsDelivery } from '../../../src/messaging/sqs/received.ts';
import { readNotification } from '../../../src/messaging/sqs/sns.ts';

const topic = 'arn:aws:sns:eu-central-1:1:t';

/** As SNS writes it to a queue. */
function notification(fields: object = {}): string {
  return JSON.stringify({ Type: 'Notification', TopicArn: topic, Message: '{"id": 1}', ...fields });
}

function deliver(body: string, unwrapSns: boolean, attributes = {}) {
  const received = readMessage({ Body: body, MessageAttributes: attributes }, 0);
  const { signal } = new AbortController();
  return new SqsDelivery({ received, lost: signal, unwrapSns, settle: () => Promise.resolve(true) });
}

describe('a body', () => {
  it.for<[what: string, text: string, unwrapSns: boolean, body: string]>([
    ['of another sender', '{"id": 1}', false, '{"id": 1}'],
    ['that is a notification, as it is', notification(), false, notification()],
    ['that is a notification, unwrapped', notification(), true, '{"id": 1}'],
    ['that might be a message of one', '{"id": 1}', true, '{"id": 1}'],
    ['that is not JSON', '"Notification"{', true, '"Notification"{'],
    ['that is a list with the word', '["Notification"]', true, '["Notification"]'],
    [
      'without a topic',
      '{"Type":"Notification","Message":"mine"}',
      true,
      '{"Type":"Notification","Message":"mine"}',
    ],
    ['whose message is no text', notification({ Message: 7 }), true, notification({ Message: 7 })],
    ['whose message is empty', notification({ Message: '' }), true, ''],
  ])('%s', ([, text, unwrapSns, body]) => {
    expect(Buffer.from(deliver(text, unwrapSns).body).toString()).toBe(body);
  });
});

describe('the headers of an unwrapped notification', () => {
  it('are its attributes, its subject and its topic', () => {
    const body = notification({
      Subject: 'an order',
      MessageAttributes: {
        tenant: { Type: 'String', Value: 'a' },
        count: { Type: 'Number', Value: '7' },
        zip: { Type: 'Number', Value: '01067' },
        bytes: { Type: 'Binary', Value: 'AP8=' },
        list: { Type: 'String.Array', Value: '["x"]' },
        broken: 'text',
      },
    });
    expect(deliver(body, true).headers).toEqual({
      tenant: 'a',
      count: 7,
      zip: '01067',
      bytes: Buffer.of(0, 255),
      list: '["x"]',
      'sns-subject': 'an order',
      'sns-topic-arn': topic,
    });
  });

  it('lose against those of the message itself', () => {
    const body = notification({ MessageAttributes: { tenant: { Type: 'String', Value: 'sns' } } });
    const attributes = { tenant: { DataType: 'String', StringValue: 'sqs' } };
    expect(deliver(body, true, attributes).headers).toMatchObject({ tenant: 'sqs' });
  });

  it('are left alone in a notification that is not unwrapped', () => {
    expect(deliver(notification({ Subject: 'an order' }), false).headers).toEqual({});
  });

  it.each([undefined, null, 7, 'text', []])('may be missing or broken: %j', (MessageAttributes) => {
    expect(readNotification(notification({ MessageAttributes }))).toMatchObject({ message: '{"id": 1}' });
    expect(deliver(notification({ MessageAttributes }), true).headers).toEqual({ 'sns-topic-arn': topic });
  });
});
