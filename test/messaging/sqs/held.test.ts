// A dead letter that SQS refuses: its message stays in its queue, and everything else goes on.
import { expect, it, vi } from 'vitest';
import { DeadLetterError, MessageRefusedError } from '../../../src/errors.ts';
import { host, type Hosted } from '../../service/hosted.ts';
import { createRig, eventsOf, remaining, type Rig } from './rig.ts';

const patience = { timeout: 20_000, interval: 20 };
const numbers = Array.from({ length: 20 }, (_, index) => index);
const large = `"bad ${'x'.repeat(2_000)}"`;

/** A queue whose dead-letter queue takes small messages only. */
function makeQueue(rig: Rig, suffix = ''): string {
  const dead = rig.createQueue({ MaximumMessageSize: '1024' }, suffix);
  const { arn } = rig.server.inspectQueue(dead)!;
  return rig.createQueue(
    { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 100 }) },
    suffix,
  );
}

function reject(message: unknown): void {
  if (String(message).startsWith('bad')) throw new DeadLetterError('never');
}

function doneOf({ calls }: Hosted): unknown[] {
  return calls.map(({ message }) => message).filter((message) => typeof message === 'number');
}

it('stops no other message, even at concurrency 1, and is not processed again meanwhile', async () => {
  await using rig = await createRig({ listenIntervalS: 1, visibilityTimeoutS: 2 });
  const queue = makeQueue(rig);
  rig.server.sendMessage(queue, large);
  rig.server.sendMessage(queue, large);
  rig.fill(queue, 20);
  const hosted = await host(rig.adapter, queue, reject);
  await vi.waitFor(() => expect(doneOf(hosted)).toHaveLength(20), patience);
  expect(eventsOf(rig, 'copy-held').map(({ refusals }) => refusals)).toEqual(expect.arrayContaining([1, 1]));
  // Longer than their leases, which are renewed.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(hosted.calls).toHaveLength(22);
  expect(remaining(rig, queue)).toBe(2);
  expect(await hosted.stop()).toBe(0);
  await vi.waitFor(() => expect(rig.server.inspectQueue(queue)!.messages.ready).toHaveLength(2), patience);
});

it('holds back its own group of a FIFO queue, and no other', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = makeQueue(rig, '.fifo');
  const send = (body: string, group: string) =>
    rig.server.sendMessage(queue, body, { messageGroupId: group, messageDeduplicationId: body.slice(0, 20) });
  send(large, 'a');
  send('100', 'a');
  for (const each of numbers) send(String(each), 'b');
  const hosted = await host(rig.adapter, queue, reject);
  await vi.waitFor(() => expect(doneOf(hosted)).toEqual(numbers), patience);
  expect(await hosted.stop()).toBe(0);
  expect(remaining(rig, queue)).toBe(2);
});

it('moves once the queue takes it', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = makeQueue(rig);
  rig.server.sendMessage(queue, large);
  const hosted = await host(rig.adapter, queue, reject);
  await vi.waitFor(() => expect(eventsOf(rig, 'copy-held')).not.toEqual([]), patience);
  rig.server.deleteQueue(eventsOf(rig, 'copy-held')[0]!.target);
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
  expect(rig.server.inspectQueue(`${queue}_dead`)!.messages.ready).toHaveLength(1);
  expect(await hosted.stop()).toBe(0);
});

it('a batch that SQS refuses as a whole is halved, until only the message that it refuses is left', async () => {
  await using rig = await createRig();
  const queue = rig.createQueue();
  rig.proxy.rule = (action, { Entries }) => {
    const entries = Entries as { readonly MessageBody: string }[] | undefined;
    if (action !== 'SendMessageBatch' || entries === undefined) return 'pass';
    const isRefused = entries.length > 4 || entries.some(({ MessageBody }) => MessageBody === '7');
    return isRefused ? { error: 'AWS.SimpleQueueService.BatchRequestTooLong' } : 'pass';
  };
  const sends = numbers.map((each) => rig.adapter.sendMessage(queue, Buffer.from(String(each))));
  const results = await Promise.allSettled(sends);
  expect(results.map(({ status }) => status === 'rejected')).toEqual(numbers.map((each) => each === 7));
  expect((results[7] as PromiseRejectedResult).reason).toBeInstanceOf(MessageRefusedError);
  expect(remaining(rig, queue)).toBe(19);
});
