// SqsConnection itself: credentials, rights, queue names, sizes, delays, and the number of calls.
import { Buffer } from 'node:buffer';
import { describe, expect, it, vi } from 'vitest';
import { BrokerRefusedError, NotConnectedError, SendError, UnsupportedError } from '../../../src/errors.ts';
import type { Delivery, Outcome } from '../../../src/messaging/adapter.ts';
import { SqsConnection } from '../../../src/messaging/sqs/connection.ts';
import { keepEvents, testContext } from '../../support/context.ts';
import { sqsOptions } from './harness.ts';
import { bodyOf, consume, createRig, done, eventsOf, remaining } from './rig.ts';

const patience = { timeout: 15_000, interval: 10 };
const options = { concurrency: 1, deadLetterQueueName: 'q_dead', onFailure: () => undefined };

describe('connecting', () => {
  it.for<[string, string]>([
    ['ExpiredTokenException', 'expired credentials'],
    ['InvalidClientTokenId', 'AWS_ACCESS_KEY_ID'],
    ['SignatureDoesNotMatch', 'AWS_SECRET_ACCESS_KEY'],
  ])('is refused for good with %s, and the message says how to fix it', async ([name, hint]) => {
    await using rig = await createRig();
    rig.proxy.rule = () => ({ error: name, status: 403 });
    const adapter = new SqsConnection(sqsOptions(rig.proxy.url), testContext());
    const error: unknown = await adapter.connect().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BrokerRefusedError);
    expect(error).toMatchObject({ exitCode: 69, message: expect.stringContaining(hint) as string });
    await adapter.close();
  });

  it('tries again for as long as there is no answer, and reports why', async () => {
    await using rig = await createRig();
    let calls = 0;
    rig.proxy.rule = () => (++calls < 4 ? 'cut' : 'pass');
    const { emit, events } = keepEvents();
    const adapter = new SqsConnection(sqsOptions(rig.proxy.url), testContext({ emit }));
    await adapter.connect();
    const broker = adapter.address;
    const failed = {
      kind: 'broker-connect-failed',
      broker,
      error: expect.objectContaining({
        message: expect.stringContaining('sqs:GetQueueUrl') as string,
      }) as Error,
    };
    expect(events).toEqual([
      failed,
      failed,
      failed,
      { kind: 'broker-connected', broker, isReconnect: false },
    ]);
    expect(adapter.calls.lookup).toBe(4);
    await adapter.close();
  });

  it('follows the clock of SQS if its own is wrong, and gives up only if the next try is refused', async () => {
    await using rig = await createRig();
    const date = new Date(Date.now() + 3_600_000);
    const refused = { error: 'InvalidSignatureException', status: 403, date };
    const times: string[] = [];
    rig.proxy.rule = () => (times.push('call') === 1 ? refused : 'pass');
    const adapter = new SqsConnection(sqsOptions(rig.proxy.url), testContext());
    await adapter.connect();
    expect(times).toHaveLength(2);
    await adapter.close();
    rig.proxy.rule = () => refused;
    const other = new SqsConnection(sqsOptions(rig.proxy.url), testContext());
    await expect(other.connect()).rejects.toBeInstanceOf(BrokerRefusedError);
    await other.close();
  });

  it('takes a denied look-up as an answer: the rights that count are those on the queue', async () => {
    await using rig = await createRig();
    rig.proxy.rule = () => ({ error: 'AccessDeniedException', status: 403 });
    const adapter = new SqsConnection(sqsOptions(rig.proxy.url), testContext());
    await adapter.connect();
    await adapter.close();
  });
});

describe('a connection that is not open', () => {
  const methods: Record<string, (adapter: SqsConnection) => Promise<unknown>> = {
    ensureQueue: (adapter) => adapter.ensureQueue('orders'),
    sendMessage: (adapter) => adapter.sendMessage('orders', Buffer.from('1')),
    consumeMessages: (adapter) => adapter.consumeMessages('orders', () => undefined, options),
    countMessages: (adapter) => adapter.countMessages('orders'),
    inspectQueue: (adapter) =>
      adapter.inspectQueue('orders', { maxAttempts: 5, deadLetterQueueName: 'dead', retryDelaysMs: [] }),
  };

  it.for(Object.entries(methods))('rejects %s before connect and after close', async ([, call]) => {
    await using rig = await createRig();
    const adapter = new SqsConnection(sqsOptions(rig.proxy.url), testContext());
    const before = rig.proxy.total;
    await expect(call(adapter)).rejects.toBeInstanceOf(NotConnectedError);
    expect(rig.proxy.total).toBe(before);
    await adapter.connect();
    await adapter.close();
    await expect(call(adapter)).rejects.toBeInstanceOf(NotConnectedError);
  });

  it('stays closed if it is closed while it connects', async () => {
    await using rig = await createRig();
    const { emit, events } = keepEvents();
    const adapter = new SqsConnection(sqsOptions(rig.proxy.url), testContext({ emit }));
    const connecting = adapter.connect();
    await adapter.close();
    await connecting;
    expect(events).toEqual([]);
    await expect(adapter.ensureQueue('orders')).rejects.toBeInstanceOf(NotConnectedError);
  });
});

describe('a queue', () => {
  it.for(['a.b', 'a b', '', '.fifo', 'ü', 'x'.repeat(81), `${'x'.repeat(76)}.fifo`])(
    'called %j is refused before any call',
    async (name) => {
      await using rig = await createRig();
      const before = rig.proxy.total;
      await expect(rig.adapter.ensureQueue(name)).rejects.toBeInstanceOf(BrokerRefusedError);
      await expect(rig.adapter.sendMessage(name, Buffer.from('1'))).rejects.toBeInstanceOf(SendError);
      await expect(rig.adapter.consumeMessages(name, () => undefined, options)).rejects.toThrow(`"${name}"`);
      expect(rig.proxy.total).toBe(before);
    },
  );

  it.for<[string, string]>([
    ['CreateQueue', 'sqs:CreateQueue'],
    ['GetQueueUrl', 'sqs:GetQueueUrl'],
    ['GetQueueAttributes', 'sqs:GetQueueAttributes'],
  ])('without the right to %s is refused by queue, region and action', async ([action, right]) => {
    await using rig = await createRig();
    rig.proxy.rule = (called) =>
      called === action ? { error: 'AccessDeniedException', status: 403 } : 'pass';
    const consuming = rig.adapter.consumeMessages('orders', () => undefined, options);
    const error: unknown = await consuming.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BrokerRefusedError);
    for (const part of ['"orders"', 'eu-central-1', right]) expect(String(error)).toContain(part);
  });

  it('is looked up at the endpoint, whatever host its URL has', async () => {
    await using rig = await createRig({ listenIntervalS: 1 });
    await rig.adapter.ensureQueue('orders');
    // The URL leads past the proxy.
    expect(new URL(rig.server.inspectQueue('orders')!.url).host).not.toBe(new URL(rig.proxy.url).host);
    await rig.adapter.sendMessage('orders', Buffer.from('1'));
    expect(rig.proxy.calls['SendMessageBatch']).toBe(1);
    expect(eventsOf(rig, 'queue-created')).toEqual([{ kind: 'queue-created', queue: 'orders' }]);
  });
});

it('counts its calls by kind, as many as SQS sees', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const { adapter } = rig;
  await adapter.ensureQueue('orders');
  await adapter.countMessages('orders');
  await Promise.all([1, 2].map((id) => adapter.sendMessage('orders', Buffer.from(String(id)))));
  const outcomes: Outcome[] = [{ kind: 'requeue' }, done, done];
  const { consumer } = await consume(rig, 'orders', 1, (delivery) => delivery.settle(outcomes.shift()!));
  await vi.waitFor(() => expect(remaining(rig, 'orders')).toBe(0), patience);
  await consumer.stop();
  const seen = rig.proxy.calls;
  expect(adapter.calls).toEqual({
    lookup: seen['GetQueueUrl'],
    create: seen['CreateQueue'],
    attributes: seen['GetQueueAttributes'],
    receive: seen['ReceiveMessage'],
    delete: seen['DeleteMessageBatch'],
    visibility: seen['ChangeMessageVisibilityBatch'],
    send: seen['SendMessageBatch'],
  });
});

describe('a message', () => {
  it.for<[string, Uint8Array]>([
    ['empty', new Uint8Array(0)],
    ['not UTF-8', Uint8Array.of(0xff, 0xfe)],
    ['with a control character', Buffer.from('"\u0001"')],
    ['with U+FFFF', Buffer.from('"\uFFFF"')],
    ['over 1 MiB', Buffer.alloc(1_048_577, 'x')],
  ])('that is %s is refused by name before the call', async ([, body]) => {
    await using rig = await createRig();
    const queue = rig.createQueue();
    const error: unknown = await rig.adapter.sendMessage(queue, body).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SendError);
    expect(String(error)).toContain(queue);
    expect(rig.proxy.calls['SendMessageBatch']).toBeUndefined();
  });

  it('is sent together with others that go at the same time', async () => {
    await using rig = await createRig();
    const queue = rig.createQueue();
    await Promise.all(Array.from({ length: 100 }, () => rig.adapter.sendMessage(queue, Buffer.from('1'))));
    expect(rig.proxy.calls['SendMessageBatch']).toBe(10);
  });

  it('can be delayed by 15 minutes and no more, and not at all on a FIFO queue', async () => {
    await using rig = await createRig();
    const [queue, fifo] = [rig.createQueue(), rig.createQueue({}, '.fifo')];
    const body = Buffer.from('1');
    await rig.adapter.sendMessage(queue, body, { delayMs: 900_000 });
    expect(rig.server.inspectQueue(queue)!.messages.delayed).toHaveLength(1);
    await expect(rig.adapter.sendMessage(queue, body, { delayMs: 900_001 })).rejects.toBeInstanceOf(
      UnsupportedError,
    );
    await expect(rig.adapter.sendMessage(fifo, body, { delayMs: 1 })).rejects.toBeInstanceOf(
      UnsupportedError,
    );
  });

  it('of an SNS topic is unwrapped, and one that only looks like it is not', async () => {
    await using rig = await createRig({ unwrapSns: true, listenIntervalS: 1 });
    const queue = rig.createQueue();
    const envelope = { Type: 'Notification', TopicArn: 'arn:aws:sns:eu-central-1:1:t', Message: '{"id":1}' };
    rig.server.sendMessage(queue, JSON.stringify(envelope));
    rig.server.sendMessage(queue, '{"Type":"Notification","Message":"mine"}');
    const deliveries: Delivery[] = [];
    await consume(rig, queue, 2, (delivery) => {
      deliveries.push(delivery);
    });
    await vi.waitFor(() => expect(deliveries).toHaveLength(2), patience);
    expect(deliveries.map(bodyOf).sort()).toEqual(['{"Type":"Notification","Message":"mine"}', '{"id":1}']);
  });
});
