// The timing of polls and leases: its sources, and its changes while a queue is consumed.
import { expect, it, vi } from 'vitest';
import type { ConsumeOptions, Delivery } from '../../../src/messaging/adapter.ts';
import { consume, createRig, done, remaining, type Rig } from './rig.ts';

const patience = { timeout: 15_000, interval: 10 };

type Tuning = ReturnType<NonNullable<ConsumeOptions['tuning']>>;

const unset: Tuning = { VISIBILITY_TIMEOUT: undefined, LISTEN_INTERVAL: undefined };

interface Asked {
  readonly WaitTimeSeconds: number;
  readonly VisibilityTimeout: number;
}

/** The parameters of the polls so far. */
function pollsOf({ proxy }: Rig): Asked[] {
  const polls: Asked[] = [];
  proxy.rule = (action, body) => {
    if (action === 'ReceiveMessage') polls.push(body as unknown as Asked);
    return 'pass';
  };
  return polls;
}

it('follows the tuning, else the options of the connection, else the defaults of the queue and of SQS', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const polls = pollsOf(rig);
  const queue = rig.createQueue({ VisibilityTimeout: '77' });
  let asked: Tuning = unset;
  await consume(
    rig,
    queue,
    1,
    () => undefined,
    () => asked,
  );
  await vi.waitFor(() => expect(polls).toHaveLength(1), patience);
  asked = { VISIBILITY_TIMEOUT: 5, LISTEN_INTERVAL: 2 };
  await vi.waitFor(() => expect(polls).toHaveLength(2), patience);
  asked = unset;
  await vi.waitFor(() => expect(polls).toHaveLength(3), patience);
  expect(polls.map(({ WaitTimeSeconds, VisibilityTimeout }) => [WaitTimeSeconds, VisibilityTimeout])).toEqual(
    [
      [1, 77],
      [2, 5],
      [1, 77],
    ],
  );
  const changes = rig.lines.filter(({ msg }) => msg === 'consume config changed');
  expect(changes).toMatchObject([
    { queue, visibilityTimeoutS: 5, listenIntervalS: 2 },
    { queue, visibilityTimeoutS: 77, listenIntervalS: 1 },
  ]);
});

it('renews leases with the timeout of that moment', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 1);
  const renewals: number[] = [];
  rig.proxy.rule = (action, body) => {
    if (action === 'ChangeMessageVisibilityBatch') {
      const [entry] = body['Entries'] as { VisibilityTimeout: number }[];
      renewals.push(entry!.VisibilityTimeout);
    }
    return 'pass';
  };
  let asked: Tuning = { ...unset, VISIBILITY_TIMEOUT: 1 };
  const deliveries: Delivery[] = [];
  await consume(
    rig,
    queue,
    1,
    (delivery) => void deliveries.push(delivery),
    () => asked,
  );
  await vi.waitFor(() => expect(renewals).toEqual([1]), patience);
  asked = { ...unset, VISIBILITY_TIMEOUT: 600 };
  await vi.waitFor(() => expect(renewals).toEqual([1, 600]), patience);
  await deliveries[0]!.settle(done);
  expect([deliveries.length, remaining(rig, queue)]).toEqual([1, 0]);
});

it('counts with a shorter timeout even if the answer to its renewal was lost', async () => {
  await using rig = await createRig({ listenIntervalS: 1 });
  const queue = rig.createQueue();
  rig.fill(queue, 1);
  let renewals = 0;
  let asked: Tuning = { ...unset, VISIBILITY_TIMEOUT: 4 };
  rig.proxy.rule = (action) => {
    if (action !== 'ChangeMessageVisibilityBatch') return 'pass';
    return ++renewals === 1 ? 'cut-answer' : 'cut';
  };
  const deliveries: Delivery[] = [];
  const lostAt: number[] = [];
  await consume(
    rig,
    queue,
    1,
    (delivery) => {
      asked = { ...unset, VISIBILITY_TIMEOUT: 1 };
      deliveries.push(delivery);
      delivery.lost.addEventListener('abort', () => lostAt.push(Date.now()));
    },
    () => asked,
  );
  const startedAt = Date.now();
  await vi.waitFor(() => expect(lostAt).toHaveLength(1), patience);
  // Within two of the four seconds it was asked for one second from then on, and there was no answer.
  expect(lostAt[0]! - startedAt).toBeLessThan(3_300);
  expect(renewals).toBeGreaterThan(1);
});

it('polls an empty queue once a second if polls do not wait', async () => {
  await using rig = await createRig();
  const polls = pollsOf(rig);
  const startedAt = Date.now();
  await consume(
    rig,
    rig.createQueue(),
    50,
    () => undefined,
    () => ({ ...unset, LISTEN_INTERVAL: 0 }),
  );
  await vi.waitFor(() => expect(polls).toHaveLength(3), patience);
  expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1_990);
  expect(polls.every(({ WaitTimeSeconds }) => WaitTimeSeconds === 0)).toBe(true);
});

it('does not pause between polls that do not wait, as long as they find messages', async () => {
  await using rig = await createRig();
  const queue = rig.createQueue();
  rig.fill(queue, 500);
  const startedAt = Date.now();
  const tuning = () => ({ ...unset, LISTEN_INTERVAL: 0 });
  await consume(rig, queue, 10, (delivery) => delivery.settle(done), tuning);
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
  // Fifty polls: with pauses between them they would take fifty seconds.
  expect(Date.now() - startedAt).toBeLessThan(10_000);
});
