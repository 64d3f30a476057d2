// The kinds of streams on NATS, each tried on the server: which serve as a queue, which serve with a limit, which are
// refused. The table in docs/nats.md is held to these rows.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  AckPolicy,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type ConsumerConfig,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { NatsConnection } from '../../../src/messaging/nats/connection.ts';
import { consumerName, copySubject, messageSubject, subjectsOf } from '../../../src/messaging/nats/name.ts';
import { streamRefusal } from '../../../src/messaging/nats/stream-kind.ts';
import { createService } from '../../commands/service.ts';
import { host } from '../../service/hosted.ts';
import { testContext } from '../../support/context.ts';
import { runCli } from '../../support/host-process.ts';
import { startOwnNats } from '../../support/own-nats.ts';
import { expectInTable, expectRefused, expectShown, type Verdict } from '../verdict.ts';
import { browse, deleteNatsQueues, natsOptions, openClient } from './harness.ts';

interface Kind extends Verdict {
  readonly stream?: Partial<StreamConfig>;
  /** Its consumer of ours was made by somebody else, so. */
  readonly consumer?: Partial<ConsumerConfig>;
  /** It has another consumer, too. */
  readonly other?: Partial<ConsumerConfig>;
  /** Of the stream of dead letters. */
  readonly dead?: Partial<StreamConfig>;
  /** It is made from another stream, which exists. */
  readonly from?: (origin: string) => Partial<StreamConfig>;
  /** How many messages it holds once all are processed; default: 0. */
  readonly kept?: number;
}

const workQueue = RetentionPolicy.Workqueue;
const hourNs = 3_600_000_000_000;
const explicit = { ack_policy: AckPolicy.Explicit };

const kinds: readonly Kind[] = [
  { name: 'retention `workqueue`' },
  {
    name: 'retention `limits`',
    stream: { retention: RetentionPolicy.Limits },
    // Four messages, and the copy of the one that is retried, and the retry of the bad one.
    kept: 6,
    limit: 'messages stay in its stream once they are processed',
  },
  {
    name: 'retention `interest`',
    stream: { retention: RetentionPolicy.Interest },
    // Without it, messages that are sent before the host runs are dropped.
    consumer: {},
    limit: 'messages that arrive before a first host has run are dropped',
  },
  {
    name: 'retention `interest`, for dead letters',
    dead: { retention: RetentionPolicy.Interest },
    refusal: 'the server drops dead letters at once',
  },
  { name: 'retention `limits`, for dead letters', dead: { retention: RetentionPolicy.Limits } },
  { name: 'further subjects', stream: {} },
  { name: 'other subjects', stream: { subjects: ['other'] }, refusal: 'to its subjects' },
  { name: '`sources`', from: (origin) => ({ sources: [{ name: origin }] }) },
  { name: '`mirror`', from: (origin) => ({ mirror: { name: origin }, subjects: [] }), refusal: 'it mirrors' },
  { name: '`sealed`', stream: { sealed: true }, refusal: 'it is sealed' },
  { name: '`no_ack`', stream: { no_ack: true }, refusal: 'it has no_ack' },
  { name: '`deny_delete`, `deny_purge`', stream: { deny_delete: true, deny_purge: true } },
  { name: '`allow_rollup_hdrs`', stream: { allow_rollup_hdrs: true } },
  { name: '`allow_direct`', stream: { allow_direct: true } },
  { name: '`republish`', stream: { republish: { src: '>', dest: 'copies.>' } } },
  {
    name: '`max_msgs` or `max_bytes` with `discard` `new`',
    stream: { max_msgs: 100, discard: DiscardPolicy.New },
  },
  {
    name: '`max_msgs` or `max_bytes` with `discard` `old`',
    stream: { max_msgs: 100, discard: DiscardPolicy.Old },
    limit: 'drops its oldest messages when it is full',
  },
  {
    name: '`max_msgs_per_subject`',
    stream: { max_msgs_per_subject: 100 },
    limit: 'a message drops the oldest of its subject',
  },
  {
    name: '`max_msgs_per_subject` with `discard_new_per_subject`',
    stream: { max_msgs_per_subject: 100, discard: DiscardPolicy.New, discard_new_per_subject: true },
  },
  { name: '`max_msg_size`', stream: { max_msg_size: 10_000 } },
  { name: '`max_age`', stream: { max_age: hourNs, duplicate_window: hourNs }, limit: 'messages vanish' },
  {
    name: 'storage `memory`',
    stream: { storage: StorageType.Memory },
    limit: 'a restart of the server loses it',
  },
  { name: 'another consumer', other: {}, refusal: 'its stream has another consumer' },
  {
    name: 'another consumer, of retention `limits`',
    stream: { retention: RetentionPolicy.Limits },
    other: {},
    kept: 6,
    limit: 'messages stay in its stream once they are processed',
  },
  {
    name: 'a consumer of ours with `max_deliver`',
    consumer: { max_deliver: 9 },
    limit: 'messages beyond it stay in the stream for good',
  },
  {
    name: 'a consumer of ours with `max_ack_pending`',
    consumer: { max_ack_pending: 100 },
    limit: 'max_ack_pending 100',
  },
  {
    name: 'a consumer of ours with `ack_policy` `none` or `all`',
    stream: { retention: RetentionPolicy.Limits },
    consumer: { ack_policy: AckPolicy.All },
    refusal: 'has ack_policy all',
  },
  {
    name: 'a push consumer of ours',
    consumer: { deliver_subject: 'deliveries' },
    refusal: 'is a push consumer',
  },
  {
    name: 'a consumer of ours with `headers_only`',
    consumer: { headers_only: true },
    refusal: 'bodies are missing',
  },
];

const patience = { timeout: 20_000, interval: 20 };
let control: Awaited<ReturnType<typeof openClient>>;

beforeAll(async () => {
  control = await openClient(inject('natsUrl'));
});
afterAll(() => control.nc.close());

/** Makes the stream, its consumers and the stream of dead letters as the kind says. */
async function makeQueue({ name, stream = {}, consumer, other, dead, from }: Kind): Promise<string> {
  const queue = `kind-${randomUUID()}`;
  const origin = `${queue}-origin`;
  onTestFinished(() => deleteNatsQueues(queue, `${queue}_dead`, origin));
  const { streams, consumers } = control.jsm;
  if (from) await streams.add({ name: origin, subjects: [origin] });
  const further = name === 'further subjects' || from ? [`${queue}.more`] : [];
  const own = stream.subjects ? { subjects: [`other.${queue}`] } : {};
  const { created } = await streams.add({
    name: queue,
    subjects: [...subjectsOf(queue), ...further],
    retention: workQueue,
    discard: DiscardPolicy.New,
    ...stream,
    // A sealed stream has been another one before.
    sealed: false,
    ...(stream.republish && { republish: { src: '>', dest: `copies.${queue}.>` } }),
    ...from?.(origin),
    ...own,
  });
  if (consumer) {
    const deliver = consumer.deliver_subject === undefined ? {} : { deliver_subject: `deliveries.${queue}` };
    await consumers.add(queue, { durable_name: consumerName(created), ...explicit, ...consumer, ...deliver });
  }
  if (other) await consumers.add(queue, { durable_name: 'other', ...explicit, ...other });
  if (dead) {
    await streams.add({ name: `${queue}_dead`, subjects: subjectsOf(`${queue}_dead`), ...dead });
  }
  const sealed: Partial<StreamConfig> = { sealed: true };
  if (stream.sealed) await streams.update(queue, sealed);
  return queue;
}

async function open(): Promise<NatsConnection> {
  const adapter = new NatsConnection(natsOptions(inject('natsUrl')), testContext());
  onTestFinished(() => adapter.close());
  await adapter.connect();
  return adapter;
}

function envOf(queue: string, url: string = inject('natsUrl')): Record<string, string> {
  return { MESSAGING_TYPE: 'NatsConnection', NATS_URL: url, MailServiceProcessor_QUEUE_NAME: queue };
}

describe.for(kinds)('a stream of the kind: $name', (kind) => {
  const { refusal, kept = 0 } = kind;

  it.skipIf(refusal)(
    'serves: equal messages are processed, one is retried, one becomes a dead letter',
    async () => {
      const queue = await makeQueue(kind);
      const adapter = await open();
      for (const body of ['"good"', '"good"', '"once"', '"bad"']) {
        await adapter.sendMessage(queue, Buffer.from(body));
      }
      const service = await host(
        adapter,
        queue,
        (message, { attempt }) => {
          if (message === 'bad' || (message === 'once' && attempt === 1)) throw new Error('no');
        },
        { retry: { maxAttempts: 2, initialDelayMs: 1, factor: 1, maxDelayMs: 1 } },
      );
      await service.settled(6);
      expect(service.calls.filter(({ message }) => message === 'good')).toHaveLength(2);
      await vi.waitFor(
        async () => expect(await browse(control.jsm, `${queue}_dead`)).toHaveLength(1),
        patience,
      );
      expect(await service.stop()).toBe(0);
      expect(await browse(control.jsm, queue)).toHaveLength(kept);
    },
  );

  it.runIf(refusal)('is refused with 69', async () => {
    const queue = await makeQueue(kind);
    await expectRefused(await open(), queue, refusal!);
  });

  it('is shown by check --connect, which leaves no trace', async () => {
    const queue = await makeQueue(kind);
    const before = await look(queue);
    const result = await runCli(['check', '--connect'], {
      cwd: createService({ '.env': '' }),
      env: envOf(queue),
    });
    expectShown(result, kind);
    expect(await look(queue)).toEqual(before);
  });

  it('is in the table of the docs', () => expectInTable('nats.md', kind));
});

/** All that a check could leave behind. */
async function look(queue: string): Promise<unknown> {
  const { streams, consumers } = control.jsm;
  const { state } = await streams.info(queue);
  const names: string[] = [];
  for await (const { name } of consumers.list(queue)) names.push(name);
  const dead = await streams.info(`${queue}_dead`).catch(() => undefined);
  return { state, names, dead: dead?.state };
}

it('messages from sources are processed', async () => {
  const queue = await makeQueue({ name: 'sources', from: (origin) => ({ sources: [{ name: origin }] }) });
  const service = await host(await open(), queue, () => undefined);
  await control.nc.request(`${queue}-origin`, '"from afar"');
  await service.settled(1);
  expect(service.calls).toMatchObject([{ message: 'from afar', context: { attempt: 1 } }]);
});

it('a stream that changes subjects is refused: the servers here are too old to make one', () => {
  const config = { subjects: subjectsOf('orders'), subject_transform: { src: '>', dest: 'moved.>' } };
  expect(streamRefusal('orders', { config } as unknown as StreamInfo)).toContain('to moved.>');
  const page = readFileSync(new URL('../../../docs/nats.md', import.meta.url), 'utf8');
  expect(page).toMatch(/^\| `subject_transform` +\| refused/m);
});

it('check --connect takes no message from a queue that a service consumes', async () => {
  const queue = await makeQueue({ name: 'consumed', consumer: {} });
  await control.nc.request(messageSubject(queue), '"good"');
  const { code, stderr } = await runCli(['check', '--connect'], {
    cwd: createService({ '.env': '' }),
    env: envOf(queue),
  });
  expect(code).toBe(0);
  // The server has answered all that was tried.
  expect(stderr).not.toContain('waiting for');
  const { created } = await control.jsm.streams.info(queue);
  expect(await control.jsm.consumers.info(queue, consumerName(created))).toMatchObject({
    num_pending: 1,
    num_ack_pending: 0,
    num_waiting: 0,
    delivered: { consumer_seq: 0 },
  });
});

describe('check --connect names the right that is missing', () => {
  it.for<[subject: (queue: string) => string]>([
    [(queue) => `$JS.API.STREAM.INFO.${queue}`],
    [(queue) => `$JS.API.STREAM.CREATE.${queue}`],
    [(queue) => `$JS.API.STREAM.CREATE.${queue}_dead`],
    [copySubject],
    [(queue) => messageSubject(`${queue}_dead`)],
    [() => '$JS.API.CONSUMER.INFO.>'],
    [() => '$JS.API.CONSUMER.CREATE.>'],
    [() => '$JS.API.CONSUMER.MSG.NEXT.>'],
    [() => '$JS.ACK.>'],
  ])('publish to %s', async ([subjectOf]) => {
    const queue = 'mail';
    const denied = subjectOf(queue);
    const folder = mkdtempSync(path.join(tmpdir(), 'svchost-nats-rights-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const config = path.join(folder, 'nats.conf');
    const permissions = `{ publish: { deny: [${JSON.stringify(denied)}] } }`;
    const me = `{ user: me, password: secret, permissions: ${permissions} }`;
    writeFileSync(config, `authorization { users: [{ user: admin, password: secret }, ${me}] }`);
    await using own = await startOwnNats({ login: { username: 'admin', password: 'secret', config } });
    if (denied.includes('CONSUMER.INFO')) {
      const { nc, jsm } = await openClient(own.url);
      await jsm.streams.add({ name: queue, subjects: subjectsOf(queue), retention: workQueue });
      await nc.close();
    }
    const { code, stdout } = await runCli(['check', '--connect'], {
      cwd: createService({ '.env': '' }),
      env: envOf(queue, own.url.replace('admin', 'me')),
    });
    expect(code).toBe(69);
    expect(stdout).toContain(`the right to publish to "${denied.replace('.>', '.')}`);
  });
});
