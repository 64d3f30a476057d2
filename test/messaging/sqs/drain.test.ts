// A drain on SQS: the open poll ends, messages that still arrive are delivered to be requeued, and those in flight are
// kept.
import { expect, it, vi } from 'vitest';
import { systemClock, type Clock } from '../../../src/clock.ts';
import type { Delivery } from '../../../src/messaging/adapter.ts';
import { SkewedClock } from '../../support/skewed-clock.ts';
import { bodyOf, consume, createRig, done, eventsOf, remaining, requeue } from './rig.ts';

const patience = { timeout: 15_000, interval: 10 };

it('aborts the open poll, and begins no other', async () => {
  await using rig = await createRig();
  const queue = rig.createQueue();
  rig.proxy.rule = (action) => (action === 'ReceiveMessage' ? 'hang' : 'pass');
  let held = 0;
  const { consumer } = await consume(rig, queue, 10, () => {
    held++;
  });
  await vi.waitFor(() => expect(rig.proxy.calls['ReceiveMessage']).toBe(1), patience);
  const startedAt = Date.now();
  await consumer.drain();
  expect(Date.now() - startedAt).toBeLessThan(1_000);
  await vi.waitFor(() => expect(rig.proxy.givenUp).toBe(1), patience);
  rig.proxy.rule = () => 'pass';
  rig.fill(queue, 5);
  await consumer.stop();
  expect(rig.server.inspectQueue(queue)!.messages.ready).toHaveLength(5);
  expect([held, rig.proxy.calls['ReceiveMessage']]).toEqual([0, 1]);
});

it('does not wait for a queue that is being created again', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const { consumer } = await consume(rig, rig.createQueue(), 1, () => undefined);
  let lookedUp = false;
  rig.proxy.rule = (action) => {
    if (action === 'ReceiveMessage') return { error: 'QueueDoesNotExist' };
    lookedUp ||= action === 'GetQueueUrl';
    return 'hang';
  };
  await vi.waitFor(() => expect(lookedUp).toBe(true), patience);
  const startedAt = Date.now();
  await consumer.drain();
  expect(Date.now() - startedAt).toBeLessThan(1_000);
});

it('delivers the messages of an answer that arrives when the drain begins, and requeues them in one call', async () => {
  let onAnswer = (): void => undefined;
  // The time limit of a poll is cancelled when its answer has arrived, before the adapter handles that.
  const clock: Clock = {
    ...systemClock,
    after: (delayMs, fn) => {
      const cancel = systemClock.after(delayMs, fn);
      return () => {
        cancel();
        if (delayMs === 11_000) onAnswer();
      };
    },
  };
  await using rig = await createRig({ listenIntervalS: 1 }, clock);
  const queue = rig.createQueue({ VisibilityTimeout: '600' });
  const settled: boolean[] = [];
  const { consumer } = await consume(rig, queue, 10, async (delivery) => {
    settled.push(await delivery.settle(requeue));
  });
  const drained: PromiseWithResolvers<void> = Promise.withResolvers();
  onAnswer = () => void consumer.drain().then(drained.resolve, drained.reject);
  rig.fill(queue, 5);
  await drained.promise;
  await vi.waitFor(() => {
    const { ready, inflight } = rig.server.inspectQueue(queue)!.messages;
    expect([ready.length, inflight.length]).toEqual([5, 0]);
    // They were received.
    expect(ready.every(({ approximateReceiveCount }) => approximateReceiveCount === 1)).toBe(true);
  }, patience);
  expect(settled).toEqual([true, true, true, true, true]);
  expect(rig.proxy.handles).toHaveLength(5);
  expect(rig.adapter.calls.visibility).toBe(1);
});

it('renews the lease of a message in flight until it is settled, and not after', async () => {
  await using rig = await createRig({ listenIntervalS: 1, visibilityTimeoutS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 1);
  const deliveries: Delivery[] = [];
  const { consumer } = await consume(rig, queue, 1, (delivery) => void deliveries.push(delivery));
  await vi.waitFor(() => expect(deliveries).toHaveLength(1), patience);
  await consumer.drain();
  await vi.waitFor(() => expect(rig.adapter.calls.visibility).toBeGreaterThanOrEqual(4), patience);
  await deliveries[0]!.settle(done);
  const renewals = rig.adapter.calls.visibility;
  expect([deliveries[0]!.lost.aborted, remaining(rig, queue)]).toEqual([false, 0]);
  await consumer.stop();
  expect(rig.adapter.calls.visibility).toBe(renewals);
});

it('delivers messages that wait behind others of their group, the last first, and lets the one in flight finish', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue({}, '.fifo');
  rig.fill(queue, 4, (index) => `group-${index}`);
  rig.proxy.groupOf = () => 'one';
  const deliveries: Delivery[] = [];
  const { consumer } = await consume(rig, queue, 10, async (delivery) => {
    // As a service does: the first one runs, all that arrive while it drains are requeued.
    if (deliveries.push(delivery) > 1) await delivery.settle(requeue);
  });
  await vi.waitFor(() => expect(deliveries).toHaveLength(1), patience);
  await consumer.drain();
  expect(deliveries.map(bodyOf)).toEqual(['0', '3', '2', '1']);
  const ready = () => rig.server.inspectQueue(queue)!.messages.ready.map(({ body }) => body);
  await vi.waitFor(() => expect(ready()).toEqual(['3', '2', '1']), patience);
  await deliveries[0]!.settle(done);
  expect(deliveries).toHaveLength(4);
  expect(remaining(rig, queue)).toBe(3);
});

it('requeues unsettled messages when it stops, and takes no outcome of them afterwards', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 2);
  const deliveries: Delivery[] = [];
  const { consumer } = await consume(rig, queue, 2, (delivery) => deliveries.push(delivery));
  await vi.waitFor(() => expect(deliveries).toHaveLength(2), patience);
  await consumer.stop();
  expect(rig.server.inspectQueue(queue)!.messages.ready).toHaveLength(2);
  expect(deliveries.map(({ lost }) => lost.aborted)).toEqual([true, true]);
  expect(await deliveries[0]!.settle(done)).toBe(false);
  expect(eventsOf(rig, 'lease-lost')).toEqual([]);
  expect(remaining(rig, queue)).toBe(2);
});

it('reports messages that could not be requeued in time when it stops', async () => {
  await using rig = await createRig({ listenIntervalS: 1 }, new SkewedClock(10));
  const queue = rig.createQueue();
  rig.fill(queue, 2);
  const deliveries: Delivery[] = [];
  const { consumer } = await consume(rig, queue, 2, (delivery) => deliveries.push(delivery));
  await vi.waitFor(() => expect(deliveries).toHaveLength(2), patience);
  rig.proxy.rule = (action) => (action === 'ChangeMessageVisibilityBatch' ? 'hang' : 'pass');
  await consumer.stop();
  expect(eventsOf(rig, 'requeue-failed')).toMatchObject([{ queue, deliveries: 2 }]);
  expect(deliveries.map(({ lost }) => lost.aborted)).toEqual([true, true]);
});
