// Every row of the outcome table on SQS: a service on standard and on FIFO queues, over HTTP.
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { DeadLetterError } from '../../../src/errors.ts';
import { host, never, type HostOptions } from '../../service/hosted.ts';
import { createRig, remaining, type Rig } from './rig.ts';

const patience = { timeout: 20_000, interval: 10 };
const retry = { maxAttempts: 2, initialDelayMs: 1, factor: 1, maxDelayMs: 1 };

function put({ server }: Rig, queue: string, body: string): void {
  const fifo = { messageGroupId: 'a', messageDeduplicationId: body };
  server.sendMessage(queue, body, queue.endsWith('.fifo') ? fifo : undefined);
}

function lettersOf({ server }: Rig, queue: string) {
  const name = queue.endsWith('.fifo') ? queue.replace('.fifo', '_dead.fifo') : `${queue}_dead`;
  const ready = server.inspectQueue(name)?.messages.ready ?? [];
  return ready.map(({ body, messageAttributes }) => ({
    body,
    reason: messageAttributes['svchost-reason']?.StringValue,
    attempts: messageAttributes['svchost-attempts']?.StringValue,
  }));
}

const fail = () => {
  throw new TypeError('no such order');
};

interface Row {
  readonly body?: string;
  readonly process: () => unknown;
  readonly overrides?: HostOptions;
  readonly outcomes: readonly string[];
  readonly letter?: { readonly reason: string; readonly attempts: string };
}

let failures = 0;

const rows: Record<string, Row> = {
  'a processor that returns': { process: () => undefined, outcomes: ['done'] },
  'a processor that throws once': {
    process: () => (failures++ % 2 === 0 ? fail() : undefined),
    outcomes: ['retry', 'done'],
  },
  'a processor that always throws': {
    process: fail,
    outcomes: ['retry', 'dead'],
    letter: { reason: 'failed', attempts: '2' },
  },
  'a processor that hangs': {
    process: () => never,
    overrides: { processTimeoutMs: 20 },
    outcomes: ['retry', 'dead'],
    letter: { reason: 'timeout', attempts: '2' },
  },
  'a body that is not JSON': {
    body: '{"half": ',
    process: fail,
    outcomes: ['dead'],
    letter: { reason: 'undecodable', attempts: '1' },
  },
  'a message that the schema refuses': {
    process: fail,
    overrides: { schema: z.string() },
    outcomes: ['dead'],
    letter: { reason: 'invalid', attempts: '1' },
  },
  'a DeadLetterError': {
    process: () => {
      throw new DeadLetterError('never');
    },
    outcomes: ['dead'],
    letter: { reason: 'rejected', attempts: '1' },
  },
};

describe.for([
  ['a standard queue', ''],
  ['a FIFO queue', '.fifo'],
] as const)('on %s', ([, suffix]) => {
  it.for(Object.entries(rows))(
    '%s',
    async ([, { body = '{"id":1}', process, overrides, outcomes, letter }]) => {
      await using rig = await createRig({ listenIntervalS: 1 });
      const queue = rig.createQueue({}, suffix);
      put(rig, queue, body);
      const service = await host(rig.adapter, queue, process, { retry, ...overrides });
      await service.settled(outcomes.length);
      await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
      expect(service.records.map(({ outcome }) => outcome.kind)).toEqual(outcomes);
      expect(lettersOf(rig, queue)).toEqual(letter ? [{ body, ...letter }] : []);
      await service.stop();
    },
  );

  it('a drain that runs out of time requeues', async () => {
    await using rig = await createRig({ listenIntervalS: 1 });
    const queue = rig.createQueue({}, suffix);
    put(rig, queue, '1');
    const service = await host(rig.adapter, queue, () => never, { shutdownTimeoutMs: 20 });
    await service.called(1);
    expect(await service.stop()).toBe(75);
    expect(rig.server.inspectQueue(queue)!.messages.ready.map(({ body }) => body)).toEqual(['1']);
  });
});

it('a message that was handed out more often than it is tried runs alone', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  put(rig, queue, '1');
  // SQS counts each delivery.
  rig.server.inspectQueue(queue)!.messages.ready[0]!.approximateReceiveCount = 2;
  const service = await host(rig.adapter, queue, () => undefined, { retry, concurrency: 5 });
  await service.settled(1);
  expect(service.records).toMatchObject([{ attempt: 3, outcome: { kind: 'done' } }]);
  expect(service.lines).toContainEqual(
    expect.objectContaining({
      msg: 'message was in flight when a host died; runs alone',
      isAlone: true,
      deaths: 0,
    }),
  );
  await service.stop();
});

it('a message that takes its host down each time is dead-lettered in the end, even without a journal', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  put(rig, queue, '1');
  rig.server.inspectQueue(queue)!.messages.ready[0]!.approximateReceiveCount = 32;
  const service = await host(rig.adapter, queue, fail, { retry });
  await service.settled(1);
  expect(service.calls).toEqual([]);
  expect(lettersOf(rig, queue)).toEqual([{ body: '1', reason: 'crashed', attempts: '33' }]);
  await service.stop();
});

describe('a lease that is lost', () => {
  it('aborts the signal of the context, and the message is not deleted', async () => {
    await using rig = await createRig({ visibilityTimeoutS: 1, listenIntervalS: 1 });
    const queue = rig.createQueue();
    put(rig, queue, '1');
    const reasons: unknown[] = [];
    let calls = 0;
    rig.proxy.rule = (action) => (action === 'ChangeMessageVisibilityBatch' ? 'error' : 'pass');
    const service = await host(rig.adapter, queue, async (_message, { signal }) => {
      if (calls++ > 0) return;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      reasons.push(signal.reason);
      // The next delivery keeps its lease.
      rig.proxy.rule = () => 'pass';
    });
    await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
    // The server may redeliver the message a moment before this host gives its lease up.
    await vi.waitFor(() => expect(String(reasons[0])).toContain('lease'), patience);
    expect(service.calls.map(({ context }) => context.attempt)).toEqual([1, 2]);
    await service.stop();
  });
});
