// A message is ours for as long as it is held, and no longer than SQS says: over HTTP, with short leases.
import { DeleteMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect, it, vi } from 'vitest';
import type { Delivery } from '../../../src/messaging/adapter.ts';
import { SqsConnection } from '../../../src/messaging/sqs/connection.ts';
import { testContext } from '../../support/context.ts';
import { bodyOf, consume, createRig, done, eventsOf, remaining } from './rig.ts';
import { sqsOptions } from './harness.ts';
import { credentials, region } from './server.ts';

const patience = { timeout: 15_000, interval: 10 };

const pause = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs));

it('runs a message once if its processor takes three visibility timeouts, also while draining', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue({ VisibilityTimeout: '1' });
  rig.fill(queue, 12);
  const seen: string[] = [];
  const lost: string[] = [];
  const { consumer, failures } = await consume(rig, queue, 20, async (delivery) => {
    seen.push(bodyOf(delivery));
    delivery.lost.addEventListener('abort', () => lost.push('lost'));
    await pause(3_300);
    await delivery.settle(done);
  });
  await vi.waitFor(() => expect(seen).toHaveLength(12), patience);
  await consumer.drain();
  // Another consumer, which would get them.
  const other = new SqsConnection(sqsOptions(rig.proxy.url, { listenIntervalS: 1 }), testContext());
  await other.connect();
  const stolen: string[] = [];
  await other.consumeMessages(queue, (delivery) => stolen.push(bodyOf(delivery)), {
    concurrency: 1,
    deadLetterQueueName: `${queue}_dead`,
    onFailure: () => undefined,
  });
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
  await other.close();
  expect([seen.length, stolen, lost, failures]).toEqual([12, [], [], []]);
  // Twelve leases in two batches each time, not twelve calls.
  const renewals = rig.adapter.calls.visibility;
  expect(renewals).toBeGreaterThanOrEqual(6);
  expect(renewals).toBeLessThanOrEqual(24);
});

it('reports a lease as lost if it cannot be renewed, and does not delete the message', async () => {
  await using rig = await createRig({ visibilityTimeoutS: 1, listenIntervalS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 1);
  const deliveries: Delivery[] = [];
  await consume(rig, queue, 1, (delivery) => void deliveries.push(delivery));
  await vi.waitFor(() => expect(deliveries).toHaveLength(1), patience);
  rig.proxy.rule = (action) => (action === 'ChangeMessageVisibilityBatch' ? 'error' : 'pass');
  const { lost } = deliveries[0]!;
  await vi.waitFor(() => expect(lost.aborted).toBe(true), patience);
  expect(await deliveries[0]!.settle(done)).toBe(false);
  expect(rig.adapter.calls.delete).toBe(0);
  await vi.waitFor(() => expect(deliveries).toHaveLength(2), patience);
  expect(deliveries.map(({ attempt, redelivered }) => [attempt, redelivered])).toEqual([
    [1, false],
    [2, true],
  ]);
});

it('reports a lease as lost if SQS refuses to renew it', async () => {
  await using rig = await createRig({ visibilityTimeoutS: 2, listenIntervalS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 1);
  const deliveries: Delivery[] = [];
  await consume(rig, queue, 1, (delivery) => void deliveries.push(delivery));
  await vi.waitFor(() => expect(deliveries).toHaveLength(1), patience);
  // Another client has deleted it meanwhile.
  const { queueUrl, receiptHandle } = rig.proxy.handles[0]!;
  const client = new SQSClient({
    region,
    credentials,
    endpoint: rig.server.address,
    useQueueUrlAsEndpoint: false,
  });
  await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: receiptHandle }));
  client.destroy();
  const { lost } = deliveries[0]!;
  await vi.waitFor(() => expect(lost.aborted).toBe(true), patience);
  const { messageId } = deliveries[0]!;
  expect(eventsOf(rig, 'lease-lost')).toEqual([
    { kind: 'lease-lost', queue, messageId, error: lost.reason as Error },
  ]);
});

it('uses the newest handle to delete a message that is redelivered before its delete succeeds', async () => {
  await using rig = await createRig({ visibilityTimeoutS: 1, listenIntervalS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 1);
  let blocked = true;
  rig.proxy.rule = (action) => (blocked && /^(Delete|Change)Message/.test(action) ? 'error' : 'pass');
  const seen: string[] = [];
  await consume(rig, queue, 1, async (delivery) => {
    seen.push(bodyOf(delivery));
    await delivery.settle(done);
  });
  await vi.waitFor(() => expect(rig.proxy.handles).toHaveLength(2), patience);
  blocked = false;
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
  expect(seen).toEqual(['0']);
});

it('leaves the messages of a killed host to others, after their visibility timeout', async () => {
  await using rig = await createRig({ visibilityTimeoutS: 1, listenIntervalS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 3);
  let held = 0;
  await consume(rig, queue, 3, () => {
    held++;
  });
  await vi.waitFor(() => expect(held).toBe(3), patience);
  // To SQS, this is a host killed with -9: no calls any more.
  rig.proxy.rule = () => 'hang';
  const other = new SqsConnection(sqsOptions(rig.server.address, { listenIntervalS: 1 }), testContext());
  await other.connect();
  const seen: string[] = [];
  await other.consumeMessages(
    queue,
    (delivery) => {
      seen.push(bodyOf(delivery));
      void delivery.settle(done);
    },
    { concurrency: 3, deadLetterQueueName: `${queue}_dead`, onFailure: () => undefined },
  );
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
  await other.close();
  expect(seen.sort()).toEqual(['0', '1', '2']);
});
