// Received messages as the service sees them: tables, no calls.
import type { Message } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/messaging/adapter.ts';
import {
  deliveryHeaders,
  readMessage,
  SqsDelivery,
  type Received,
} from '../../../src/messaging/sqs/received.ts';

const now = Date.UTC(2026, 0, 1);
const string = (StringValue: string) => ({ DataType: 'String', StringValue });

describe('readMessage', () => {
  it.for<[what: string, message: Message, facts: Partial<Received>]>([
    [
      'a message with nothing but an id',
      { MessageId: 'sqs-1' },
      {
        sqsMessageId: 'sqs-1',
        messageId: 'sqs-1',
        receiptHandle: '',
        text: '',
        attempt: 1,
        enqueuedAt: undefined,
        firstSeen: new Date(now),
        replyTo: undefined,
        correlationId: undefined,
        group: undefined,
        sentHeaders: {},
      },
    ],
    [
      'the facts that its sender gave',
      {
        MessageId: 'sqs-1',
        MessageAttributes: {
          'svchost-message-id': string('id'),
          'svchost-reply-to': string('replies'),
          'svchost-correlation-id': string('7'),
          tenant: string('a'),
        },
      },
      {
        sqsMessageId: 'sqs-1',
        messageId: 'id',
        replyTo: 'replies',
        correlationId: '7',
        sentHeaders: { tenant: 'a' },
      },
    ],
    [
      'the facts that SQS counted and recorded',
      {
        Body: '{}',
        ReceiptHandle: 'handle',
        Attributes: {
          ApproximateReceiveCount: '3',
          ApproximateFirstReceiveTimestamp: '1700000001000',
          SentTimestamp: '1700000000000',
          MessageGroupId: 'customer-7',
        },
      },
      {
        text: '{}',
        receiptHandle: 'handle',
        attempt: 3,
        firstSeen: new Date(1_700_000_001_000),
        enqueuedAt: new Date(1_700_000_000_000),
        group: 'customer-7',
      },
    ],
    [
      'a count of none as the first attempt',
      { Attributes: { ApproximateReceiveCount: '0' } },
      { attempt: 1 },
    ],
    ['a missing time as none', { Attributes: { SentTimestamp: 'soon' } }, { enqueuedAt: undefined }],
    [
      "no attempt of a sender's making",
      { MessageAttributes: { 'svchost-attempt': { DataType: 'Number', StringValue: '9' }, a: string('x') } },
      { attempt: 1, sentHeaders: { a: 'x' } },
    ],
  ])('reads %s', ([, message, facts]) => {
    expect(readMessage(message, now)).toMatchObject(facts);
  });
});

describe('deliveryHeaders', () => {
  const received = readMessage({ MessageAttributes: { tenant: string('a') } }, now);
  const firstSeen = new Date(now);

  it.for<[what: string, facts: Partial<Received>, headers: object]>([
    ['the first attempt', {}, { tenant: 'a' }],
    [
      'a later attempt',
      { attempt: 2, firstSeen },
      { tenant: 'a', 'svchost-attempt': 2, 'svchost-first-seen': '2026-01-01T00:00:00.000Z' },
    ],
    ['a message of a group', { group: 'g' }, { tenant: 'a', 'svchost-group': 'g' }],
    [
      'a header that claims a group',
      { group: 'g', sentHeaders: { 'svchost-group': 'mine' } },
      { 'svchost-group': 'g' },
    ],
  ])('of %s', ([, facts, headers]) => {
    expect(deliveryHeaders({ ...received, ...facts })).toEqual(headers);
  });
});

describe('SqsDelivery', () => {
  const { signal } = new AbortController();

  function deliver(message: Message, settle = (): Promise<boolean> => Promise.resolve(true)) {
    return new SqsDelivery({ received: readMessage(message, now), lost: signal, unwrapSns: false, settle });
  }

  it.for<[count: string, attempt: number, redelivered: boolean]>([
    ['1', 1, false],
    ['2', 2, true],
    ['14', 14, true],
  ])('received %s times is at attempt %i', ([ApproximateReceiveCount, attempt, redelivered]) => {
    const delivery = deliver({ Attributes: { ApproximateReceiveCount } });
    expect(delivery).toMatchObject({ attempt, redelivered, crashes: 0, lost: signal });
  });

  it('settles once, and answers later calls with the first result', async () => {
    const outcomes: Outcome[] = [];
    const received = readMessage({}, now);
    const delivery = new SqsDelivery({
      received,
      lost: signal,
      unwrapSns: false,
      settle: (outcome) => Promise.resolve(outcomes.push(outcome) > 1),
    });
    const results = [delivery.settle({ kind: 'done' }), delivery.settle({ kind: 'requeue' })];
    expect(await Promise.all(results)).toEqual([false, false]);
    expect(outcomes).toEqual([{ kind: 'done' }]);
  });
});
