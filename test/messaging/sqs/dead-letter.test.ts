// The content of dead letters on SQS: the sender's headers and the reason, as far as there is room for them.
import { expect, it, vi } from 'vitest';
import type { SendOptions } from '../../../src/messaging/adapter.ts';
import { largestMessageBytes } from '../../../src/messaging/sqs/attribute.ts';
import { browse } from './harness.ts';
import { consume, createRig, eventsOf, remaining, type Rig } from './rig.ts';

const patience = { timeout: 15_000, interval: 10 };

const error = { name: 'TypeError', message: 'no such order' };

/** Sends a message to a queue, and has it dead-lettered; returns the dead letter. */
async function deadLetterOf(rig: Rig, queue: string, body: string, options: SendOptions = {}) {
  await rig.adapter.sendMessage(queue, Buffer.from(body), options);
  const { consumer } = await consume(rig, queue, 1, (delivery) =>
    delivery.settle({ kind: 'dead', reason: 'rejected', error }),
  );
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
  await consumer.stop();
  return browse(rig.server, `${queue}_dead`)[0]!;
}

it('keeps id, reply queue and correlation id of the sender', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  const facts = { messageId: 'id-1', replyTo: 'replies', correlationId: 'request-7' };
  await deadLetterOf(rig, queue, '1', facts);
  const [letter] = await new Promise<object[]>((resolve) => {
    void consume(rig, `${queue}_dead`, 1, (delivery) => resolve([delivery]));
  });
  expect(letter).toMatchObject({ ...facts, attempt: 1, redelivered: false });
});

it('writes all its own headers, even if the sender has used their names', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const startedAt = Date.now();
  const queue = rig.createQueue();
  const { headers } = await deadLetterOf(rig, queue, '1', {
    headers: {
      'svchost-attempt': 4,
      'svchost-attempts': 7,
      'svchost-reason': 'mine',
      'svchost-error': 'mine',
      'svchost-source-queue': 'mine',
      'svchost-first-seen': '1970-01-01T00:00:00.000Z',
      'svchost-last-seen': '1970-01-01T00:00:00.000Z',
    },
  });
  expect(headers).toMatchObject({
    'svchost-attempts': 1,
    'svchost-reason': 'rejected',
    'svchost-error': 'TypeError: no such order',
    'svchost-source-queue': queue,
  });
  for (const name of ['svchost-first-seen', 'svchost-last-seen'])
    expect(Date.parse(String(headers[name]))).toBeGreaterThan(startedAt - 2_000);
  expect(headers).not.toHaveProperty('svchost-attempt');
});

it.for<[what: string, roomBytes: number, kept: readonly string[], lost: readonly string[]]>([
  ['the headers of the sender', 600, ['svchost-reason', 'svchost-headers'], ['tenant']],
  ['all headers but the reason', 100, ['svchost-reason'], ['tenant', 'svchost-error']],
  ['all headers', 20, [], ['tenant', 'svchost-reason']],
])('leaves out %s if there is no room for them beside the body', async ([, roomBytes, kept, lost]) => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  const tenant = 'a'.repeat(roomBytes - 12);
  const body = 'x'.repeat(largestMessageBytes - roomBytes);
  const letter = await deadLetterOf(rig, queue, body, { headers: { tenant } });
  expect(letter.body).toHaveLength(body.length);
  for (const name of kept) expect(letter.headers).toHaveProperty(name);
  for (const name of lost) expect(letter.headers).not.toHaveProperty(name);
  if (kept.includes('svchost-headers'))
    expect(letter.headers['svchost-headers']).toBe('{"svchost-headers-dropped":true}');
  expect(eventsOf(rig, 'copy-reduced')).toMatchObject([{ queue, target: `${queue}_dead` }]);
});

it('goes to the dead-letter queue if the target of the redrive policy is gone, and logs that', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const target = rig.createQueue();
  const { arn } = rig.server.inspectQueue(target)!;
  const policy = JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 10 });
  const queue = rig.createQueue({ RedrivePolicy: policy });
  rig.server.deleteQueue(target);
  const letter = await deadLetterOf(rig, queue, '1');
  expect(letter.headers['svchost-source-queue']).toBe(queue);
  expect(rig.lines).toMatchObject([
    { msg: "the redrive policy's queue is missing; dead letters go elsewhere", queue, target },
  ]);
});
