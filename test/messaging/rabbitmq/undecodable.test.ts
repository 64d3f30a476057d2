// Messages that amqplib cannot decode: without svchost's own decoding each would cost every connection that it is
// delivered on, for ever.
import { connect, type ChannelModel } from 'amqplib';
import { afterAll, beforeAll, expect, inject, it, onTestFinished, vi } from 'vitest';
import type { Delivery, Outcome } from '../../../src/messaging/adapter.ts';
import type { BrokerEvent } from '../../../src/messaging/event.ts';
import { RabbitMqConnection } from '../../../src/messaging/rabbitmq/connection.ts';
import { keepEvents, testContext } from '../../support/context.ts';
import { deleteQueues, uniqueQueueName } from '../../support/queue.ts';
import { startRelay, type Relay } from '../../support/tcp-relay.ts';
import { brokerOptions, browse } from './harness.ts';

let control: ChannelModel;

beforeAll(async () => {
  control = await connect(inject('rabbitMqUrl'));
});

afterAll(async () => {
  await control.close();
});

/** A queue of the test's own, consumed through a relay. */
async function consume(settle: (delivery: Delivery) => Outcome) {
  const queue = uniqueQueueName('undecodable');
  const { port, hostname } = new URL(inject('rabbitMqUrl'));
  const relay = await startRelay(Number(port || 5672), hostname);
  const { emit, events } = keepEvents();
  const hosts = [{ hostname: '127.0.0.1', port: relay.port }];
  const adapter = new RabbitMqConnection(
    brokerOptions(inject('rabbitMqUrl'), { hosts }),
    testContext({ emit }),
  );
  onTestFinished(async () => {
    await adapter.close();
    await relay.close();
    await deleteQueues(inject('rabbitMqUrl'), queue, `${queue}_dead`, `${queue}_retry_1`);
  });
  await adapter.connect();
  const deliveries: Delivery[] = [];
  await adapter.consumeMessages(
    queue,
    (delivery) => {
      deliveries.push(delivery);
      void delivery.settle(settle(delivery));
    },
    {
      concurrency: 10,
      deadLetterQueueName: `${queue}_dead`,
      onFailure: (error) => expect.fail(error.message),
    },
  );
  return { queue, relay, adapter, deliveries, events };
}

/** Sends a message and a plain one behind it, through a relay that rewrites the bytes of a header on their way. */
async function sendRewritten(queue: string, headers: Record<string, unknown>, from: string, to: string) {
  const { port, hostname } = new URL(inject('rabbitMqUrl'));
  await using relay = await startRelay(Number(port || 5672), hostname);
  relay.rewrite(Buffer.from(from, 'latin1'), Buffer.from(to, 'latin1'));
  const client = await connect(`amqp://guest:guest@127.0.0.1:${relay.port}`);
  const channel = await client.createConfirmChannel();
  channel.sendToQueue(queue, Buffer.from('{"id":1}'), { headers, messageId: 'odd' });
  channel.sendToQueue(queue, Buffer.from('{"id":2}'), { messageId: 'plain' });
  await channel.waitForConfirms();
  await client.close();
}

function losses(events: readonly BrokerEvent[]): readonly BrokerEvent[] {
  return events.filter(({ kind }) => kind === 'broker-lost' || kind === 'consumer-lost');
}

const done: Outcome = { kind: 'done' };
const failure = { name: 'Error', message: 'no' };

it('decodes an integer of field type L, as Celery’s client sends it', async () => {
  const { queue, deliveries, events } = await consume(() => done);
  await sendRewritten(queue, { h: 5_000_000_000, other: 'text' }, '\x01hl', '\x01hL');
  await vi.waitFor(() => expect(deliveries.map((each) => each.messageId)).toEqual(['odd', 'plain']));
  expect(deliveries[0]?.headers).toMatchObject({ h: 5_000_000_000, other: 'text' });
  expect(losses(events)).toEqual([]);
});

/** Makes the header `h` of what the broker delivers undecodable; the broker itself would refuse such a message. */
function spoil(relay: Relay): void {
  relay.rewrite(Buffer.from('\x01hS', 'latin1'), Buffer.from('\x01h?', 'latin1'));
}

it('keeps a header of an unknown type as bytes, and loses neither connection nor channel', async () => {
  const { queue, relay, deliveries, events } = await consume(() => done);
  spoil(relay);
  const channel = await control.createConfirmChannel();
  channel.sendToQueue(queue, Buffer.from('{"id":1}'), { headers: { a: 1, h: 'text' }, messageId: 'odd' });
  channel.sendToQueue(queue, Buffer.from('{"id":2}'), { messageId: 'plain' });
  await channel.waitForConfirms();
  await vi.waitFor(() => expect(deliveries.map((each) => each.messageId)).toEqual(['odd', 'plain']));
  expect(deliveries[0]?.headers).toEqual({
    a: 1,
    'svchost-undecodable': Buffer.from('\x01h?\x00\x00\x00\x04text', 'latin1'),
  });
  expect(Buffer.from(deliveries[0]?.body ?? []).toString()).toBe('{"id":1}');
  expect(losses(events)).toEqual([]);
});

it('carries the bytes through a retry into the dead letter', async () => {
  const { queue, relay, deliveries } = await consume(({ attempt }) =>
    attempt === 1
      ? { kind: 'retry', delayMs: 1, error: failure }
      : { kind: 'dead', reason: 'failed', error: failure },
  );
  spoil(relay);
  const channel = await control.createConfirmChannel();
  channel.sendToQueue(queue, Buffer.from('{"id":1}'), { headers: { a: 1, h: 'text' }, messageId: 'odd' });
  await vi.waitFor(() => expect(deliveries).toHaveLength(2));
  await vi.waitFor(async () => {
    const [dead] = await browse(inject('rabbitMqUrl'), `${queue}_dead`);
    expect(dead).toMatchObject({
      messageId: 'odd',
      headers: { a: 1, 'svchost-undecodable': Buffer.from('\x01h?\x00\x00\x00\x04text', 'latin1') },
    });
  });
});

it('reports a connection that each delivery of one message breaks, and slows down', async () => {
  const { queue, relay, events } = await consume(() => done);
  // The end of the frame with the body: such a frame cannot be read at all.
  relay.rewrite(Buffer.from('{"id":1}\xce', 'latin1'), Buffer.from('{"id":1}?', 'latin1'));
  const channel = await control.createConfirmChannel();
  channel.sendToQueue(queue, Buffer.from('{"id":1}'));
  await vi.waitFor(() => expect(events.filter(({ kind }) => kind === 'broker-lost')).toHaveLength(4), {
    timeout: 15_000,
  });
  expect(events.filter(({ kind }) => kind === 'broker-lost')).toMatchObject(
    [1, 2, 3, 4].map((failures) => ({ failures, error: { message: 'Invalid frame' } })),
  );
});
