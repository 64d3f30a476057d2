// Message groups of FIFO queues: in order within a group, groups in parallel, and no message overtakes a failed one.
import { describe, expect, it, vi } from 'vitest';
import type { Delivery } from '../../../src/messaging/adapter.ts';
import { GroupOrder } from '../../../src/messaging/sqs/group.ts';
import { bodyOf, consume, createRig, done, remaining } from './rig.ts';

const patience = { timeout: 15_000, interval: 10 };

describe('GroupOrder', () => {
  it('starts one member of each group, and the next one when that has succeeded', () => {
    const order = new GroupOrder<string>();
    expect(['a1', 'a2', 'b1', 'a3'].map((member) => order.add(member[0]!, member))).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([order.next('a'), order.next('a'), order.next('a')]).toEqual(['a2', 'a3', undefined]);
    expect(order.add('a', 'a4')).toBe(true);
  });

  it('returns all that waited behind a failed member, in order, and leaves other groups alone', () => {
    const order = new GroupOrder<string>();
    for (const member of ['a1', 'a2', 'a3', 'b1', 'b2']) order.add(member[0]!, member);
    expect(order.fail('a')).toEqual(['a2', 'a3']);
    expect(order.next('b')).toBe('b2');
    expect(order.add('a', 'a1')).toBe(true);
  });

  it('returns all that wait when it drains, and keeps the groups of those in flight', () => {
    const order = new GroupOrder<string>();
    for (const member of ['a1', 'a2', 'b1', 'b2']) order.add(member[0]!, member);
    expect(order.drain()).toEqual(['a2', 'b2']);
    expect(order.add('a', 'a3')).toBe(false);
  });
});

describe('a FIFO queue', () => {
  it('keeps the order of each group through failures, with groups in parallel', async () => {
    await using rig = await createRig({ listenIntervalS: 1 });
    const queue = rig.createQueue({}, '.fifo');
    rig.fill(queue, 60, (index) => `group-${index % 3}`);
    const finished: number[] = [];
    const running = new Map<string, number>();
    let [most, mostOfGroup, failed] = [0, 0, 0];
    const { failures } = await consume(rig, queue, 10, async (delivery) => {
      const group = String(delivery.headers['svchost-group']);
      running.set(group, (running.get(group) ?? 0) + 1);
      mostOfGroup = Math.max(mostOfGroup, ...running.values());
      most = Math.max(
        most,
        [...running.values()].reduce((sum, count) => sum + count),
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
      running.set(group, running.get(group)! - 1);
      const index = Number(bodyOf(delivery));
      if (index % 25 === 10 && delivery.attempt === 1) {
        failed++;
        await delivery.settle({ kind: 'retry', delayMs: 1, error: { name: 'Error', message: 'no' } });
        return;
      }
      finished.push(index);
      await delivery.settle(done);
    });
    await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
    expect([failures, failed, mostOfGroup]).toEqual([[], 2, 1]);
    expect(most).toBeGreaterThan(1);
    for (const group of [0, 1, 2]) {
      const ofGroup = finished.filter((index) => index % 3 === group);
      expect(ofGroup).toEqual(Array.from({ length: 20 }, (_, index) => index * 3 + group));
    }
  });

  it('holds back later messages of one answer, and requeues them behind a failed one', async () => {
    await using rig = await createRig({ listenIntervalS: 1 });
    const queue = rig.createQueue({}, '.fifo');
    // fauxqs delivers one message of a group at a time, SQS up to ten: here the proxy puts them into one group.
    rig.fill(queue, 4, (index) => `group-${index}`);
    rig.proxy.groupOf = () => 'one';
    let polls = 0;
    // Requeued messages stay on the queue, to be seen there.
    rig.proxy.rule = (action) => (action === 'ReceiveMessage' && ++polls > 1 ? 'hang' : 'pass');
    const deliveries: Delivery[] = [];
    await consume(rig, queue, 10, (delivery) => {
      deliveries.push(delivery);
    });
    await vi.waitFor(() => expect(deliveries).toHaveLength(1), patience);
    await deliveries[0]!.settle(done);
    await vi.waitFor(() => expect(deliveries).toHaveLength(2), patience);
    expect(deliveries.map(bodyOf)).toEqual(['0', '1']);
    await deliveries[1]!.settle({ kind: 'retry', delayMs: 1_000, error: { name: 'Error', message: 'no' } });
    await vi.waitFor(() => {
      const { ready, inflight } = rig.server.inspectQueue(queue)!.messages;
      expect(ready.map(({ body }) => body)).toEqual(['3', '2']);
      expect(inflight.map(({ message }) => message.body)).toEqual(['1']);
    }, patience);
    expect(deliveries).toHaveLength(2);
  });

  it('sends with group and deduplication ids, and dead-letters to a FIFO queue', async () => {
    await using rig = await createRig({ listenIntervalS: 1 });
    const queue = rig.createQueue({}, '.fifo');
    const options = { messageId: 'id-1', headers: { 'svchost-group': 'customer-7', tenant: 'a' } };
    await rig.adapter.sendMessage(queue, Buffer.from('1'), options);
    await rig.adapter.sendMessage(queue, Buffer.from('1'), options);
    const [message, ...others] = rig.server.inspectQueue(queue)!.messages.ready;
    expect(others).toEqual([]);
    expect([message!.messageGroupId, message!.messageDeduplicationId]).toEqual(['customer-7', 'id-1']);
    await consume(rig, queue, 1, (delivery) =>
      delivery.settle({ kind: 'dead', reason: 'rejected', error: { name: 'Error', message: 'no' } }),
    );
    await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
    const dead = rig.server.inspectQueue(queue.replace('.fifo', '_dead.fifo'))!;
    expect(dead.attributes['FifoQueue']).toBe('true');
    expect(dead.messages.ready[0]!.messageGroupId).toBe('customer-7');
  });
});
