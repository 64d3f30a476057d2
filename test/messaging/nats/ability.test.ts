// The abilities of NATS beyond the contract: listing, inspecting and claiming, with only the rights that docs/nats.md lists.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, inject, it, onTestFinished, vi } from 'vitest';
import type { Delivery } from '../../../src/messaging/adapter.ts';
import type { QueueNeeds } from '../../../src/messaging/capability.ts';
import { NatsConnection, type NatsOptions } from '../../../src/messaging/nats/connection.ts';
import { claimStreamName, subjectsOf } from '../../../src/messaging/nats/name.ts';
import { testContext } from '../../support/context.ts';
import { startOwnNats } from '../../support/own-nats.ts';
import { browse, deleteNatsQueues, natsOptions, openClient } from './harness.ts';

const patience = { timeout: 20_000, interval: 20 };

let control: Awaited<ReturnType<typeof openClient>>;
let queue: string;

beforeAll(async () => {
  control = await openClient(inject('natsUrl'));
});
afterAll(() => control.nc.close());
beforeEach(() => {
  const name = `ability-${randomUUID()}`;
  queue = name;
  onTestFinished(() => deleteNatsQueues(name, `${name}_dead`));
});

async function open(options: NatsOptions = natsOptions(inject('natsUrl'))): Promise<NatsConnection> {
  const adapter = new NatsConnection(options, testContext());
  onTestFinished(() => adapter.close());
  await adapter.connect();
  return adapter;
}

function needs(): QueueNeeds {
  return { maxAttempts: 5, deadLetterQueueName: `${queue}_dead`, retryDelaysMs: [] };
}

async function consume(adapter: NatsConnection, onDelivery: (delivery: Delivery) => void) {
  return await adapter.consumeMessages(queue, onDelivery, {
    concurrency: 1,
    deadLetterQueueName: `${queue}_dead`,
    onFailure: (error) => {
      throw error;
    },
  });
}

it('lists the newest messages, oldest first, over the gaps of settled ones', async () => {
  const adapter = await open();
  expect(await adapter.browseMessages(queue, 10)).toEqual([]);
  await adapter.ensureQueue(queue);
  expect(await adapter.browseMessages(queue, 10)).toEqual([]);
  for (let index = 0; index < 120; index++)
    await adapter.sendMessage(queue, Buffer.from(String(index)), {
      messageId: `id-${index}`,
      headers: { index },
    });
  for (const seq of [120, 118, 50, 1]) await control.jsm.streams.deleteMessage(queue, seq);
  const listed = await adapter.browseMessages(queue, 3);
  expect(listed.map(({ messageId }) => messageId)).toEqual(['id-115', 'id-116', 'id-118']);
  expect(listed[2]).toMatchObject({ headers: { index: 118 }, body: new Uint8Array(Buffer.from('118')) });
  expect(await adapter.browseMessages(queue, 1000)).toHaveLength(116);
  expect(await adapter.countMessages(queue)).toBe(116);
});

it('finds nothing wrong with a queue that it has created, or that does not exist', async () => {
  const adapter = await open();
  expect(await adapter.inspectQueue(queue, needs())).toEqual([]);
  await (await consume(adapter, () => undefined)).stop();
  expect(await adapter.inspectQueue(queue, needs())).toEqual([]);
});

it('consumes a stream with further subjects, whose messages are at their first attempt', async () => {
  const adapter = await open();
  const other = `${queue}.created`;
  await control.jsm.streams.add({ name: queue, subjects: [...subjectsOf(queue), other] });
  const deliveries: Delivery[] = [];
  const consumer = await consume(adapter, (delivery) => {
    deliveries.push(delivery);
    void delivery.settle({ kind: 'done' });
  });
  await control.nc.request(other, '{"id": 1}');
  await vi.waitFor(() => expect(deliveries).toHaveLength(1), patience);
  expect(deliveries[0]).toMatchObject({ attempt: 1, redelivered: false });
  await consumer.stop();
});

it('keeps a claim through the end of its owner, and claims are forgotten by the server in time', async () => {
  const schedule = `${queue}_schedule`;
  const occurrence = new Date();
  const first = await open();
  expect(await first.claimOccurrence(schedule, occurrence)).toBe(true);
  await first.close();
  const second = await open();
  expect(await second.claimOccurrence(schedule, occurrence)).toBe(false);
  expect(await second.claimOccurrence(schedule, new Date(occurrence.getTime() + 1))).toBe(true);
  expect(await second.claimOccurrence(`${schedule}.other`, occurrence)).toBe(true);
  const { config } = await control.jsm.streams.info(claimStreamName);
  expect(config.max_age).toBe(1_200_000_000_000);
});

it('needs no more rights than the page says', async () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/nats.md'), 'utf8');
  const [, rights = ''] = page.split('\n## Rights\n');
  const subjects = [...rights.matchAll(/`([^`\s=]+)`/g)].flatMap(([, subject = '']) => subject);
  const subscribed = subjects.filter((subject) => subject.startsWith('_INBOX'));
  expect(subscribed).toEqual(['_INBOX.>']);
  const published = subjects.filter((subject) => /^(\$JS|svchost)/.test(subject));
  const folder = mkdtempSync(path.join(tmpdir(), 'svchost-nats-rights-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const config = path.join(folder, 'nats.conf');
  const permissions = `{ publish: ${JSON.stringify(published)}, subscribe: ${JSON.stringify(subscribed)} }`;
  const me = `{ user: me, password: secret, permissions: ${permissions} }`;
  writeFileSync(config, `authorization { users: [{ user: admin, password: secret }, ${me}] }`);
  await using own = await startOwnNats({ login: { username: 'admin', password: 'secret', config } });
  const adapter = await open({ ...natsOptions(own.url), username: 'me' });
  const outcomes: string[] = [];
  const consumer = await consume(adapter, (delivery) => {
    const kind = delivery.attempt === 1 ? 'retry' : 'dead';
    outcomes.push(kind);
    const error = { name: 'Error', message: 'no' };
    void delivery.settle(kind === 'retry' ? { kind, delayMs: 1, error } : { kind, reason: 'failed', error });
  });
  await adapter.sendMessage(queue, Buffer.from('1'));
  const admin = await openClient(own.url);
  await vi.waitFor(async () => expect(await browse(admin.jsm, `${queue}_dead`)).toHaveLength(1), patience);
  await admin.nc.close();
  expect(outcomes).toEqual(['retry', 'dead']);
  expect(await adapter.browseMessages(`${queue}_dead`, 1)).toHaveLength(1);
  expect(await adapter.claimOccurrence('schedule', new Date())).toBe(true);
  expect(await adapter.inspectQueue(queue, needs())).toEqual([]);
  await consumer.stop();
  await adapter.close();
});
