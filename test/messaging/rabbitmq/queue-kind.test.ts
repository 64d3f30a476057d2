// The kinds of queues, each tried on a real broker: which serve, which serve with a limit, which are refused. The table in
// docs/rabbitmq.md is held to these rows.
import { connect, type ChannelModel, type Options } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it, inject, onTestFinished, vi } from 'vitest';
import { RabbitMqConnection } from '../../../src/messaging/rabbitmq/connection.ts';
import { judge } from '../../../src/messaging/rabbitmq/queue-kind.ts';
import { host } from '../../service/hosted.ts';
import { runCli } from '../../support/host-process.ts';
import { keepEvents, testContext } from '../../support/context.ts';
import { deleteQueues, uniqueQueueName } from '../../support/queue.ts';
import { createService } from '../../commands/service.ts';
import { expectInTable, expectRefused, expectShown, type Verdict } from '../verdict.ts';
import { brokerOptions, browse } from './harness.ts';

interface Kind extends Verdict {
  readonly options: Options.AssertQueue;
  /** The broker chooses its name. */
  readonly isServerNamed?: true;
}

const durable = true;
const quorum = { 'x-queue-type': 'quorum' };

const kinds: readonly Kind[] = [
  { name: 'classic', options: { durable } },
  { name: 'quorum', options: { durable, arguments: quorum } },
  { name: '`x-queue-mode: lazy`', options: { durable, arguments: { 'x-queue-mode': 'lazy' } } },
  { name: '`x-max-priority`', options: { durable, maxPriority: 5 } },
  {
    name: '`x-single-active-consumer`',
    options: { durable, arguments: { 'x-single-active-consumer': true } },
  },
  {
    name: '`x-max-length` with `reject-publish`',
    options: { durable, maxLength: 1000, overflow: 'reject-publish' },
  },
  {
    name: '`x-max-length` with `reject-publish-dlx`',
    options: { durable, maxLength: 1000, overflow: 'reject-publish-dlx' },
  },
  {
    name: '`x-max-length` with `drop-head`',
    options: { durable, maxLength: 1000, messageTtl: 3_600_000 },
    limit: 'drops its oldest messages',
  },
  { name: '`x-message-ttl`', options: { durable, messageTtl: 3_600_000 }, limit: 'x-message-ttl' },
  { name: '`x-expires`', options: { durable, expires: 3_600_000 }, limit: 'x-expires' },
  {
    name: '`x-delivery-limit`',
    options: { durable, arguments: { ...quorum, 'x-delivery-limit': 7 } },
    limit: 'x-delivery-limit 7',
  },
  { name: 'not durable', options: { durable: false }, limit: 'is not durable' },
  {
    name: 'stream',
    options: { durable, arguments: { 'x-queue-type': 'stream', 'x-max-length-bytes': 1_000_000 } },
    refusal: 'it is a stream',
  },
  {
    name: 'server-named',
    options: { durable },
    isServerNamed: true,
    refusal: 'its name begins with "amq."',
  },
  { name: 'auto-delete', options: { durable, autoDelete: true }, refusal: 'it is an auto-delete queue' },
  { name: 'exclusive', options: { exclusive: true }, refusal: 'exclusive to another connection' },
];

let control: ChannelModel;
const queues: string[] = [];

beforeAll(async () => {
  control = await connect(inject('rabbitMqUrl'));
});

afterAll(async () => {
  await control.close();
  const all = queues.flatMap((name) => [name, `${name}_retry_20`, `${name}_dead`]);
  await deleteQueues(inject('rabbitMqUrl'), ...all);
});

async function declare({ options, isServerNamed }: Kind): Promise<string> {
  const channel = await control.createChannel();
  const { queue: name } = await channel.assertQueue(isServerNamed ? '' : uniqueQueueName('kind'), options);
  queues.push(name);
  await channel.close();
  return name;
}

async function openAdapter() {
  const { emit, events } = keepEvents();
  const adapter = new RabbitMqConnection(brokerOptions(inject('rabbitMqUrl')), testContext({ emit }));
  onTestFinished(() => adapter.close());
  await adapter.connect();
  return { adapter, events };
}

describe.for(kinds)('a queue of the kind $name', (kind) => {
  const { refusal } = kind;

  it.skipIf(refusal)(
    'serves: a message is processed, one is retried, one becomes a dead letter',
    async () => {
      const queue = await declare(kind);
      const { adapter } = await openAdapter();
      for (const body of ['"good"', '"once"', '"bad"']) await adapter.sendMessage(queue, Buffer.from(body));
      const service = await host(adapter, queue, (message, { attempt }) => {
        if (message === 'bad' || (message === 'once' && attempt === 1)) throw new Error('no');
      });
      await service.settled(6);
      await vi.waitFor(
        async () => expect(await browse(inject('rabbitMqUrl'), `${queue}_dead`)).toHaveLength(1),
        { timeout: 10_000 },
      );
      expect(await service.stop()).toBe(0);
      expect(await browse(inject('rabbitMqUrl'), queue)).toEqual([]);
    },
  );

  it.runIf(refusal)('is refused with 69, untouched', async () => {
    const queue = await declare(kind);
    const { adapter } = await openAdapter();
    await expectRefused(adapter, queue, refusal!);
  });

  it('is shown by check --connect, which leaves no trace', async () => {
    const queue = await declare(kind);
    const env = {
      MESSAGING_TYPE: 'RabbitMqConnection',
      RABBITMQ_URL: inject('rabbitMqUrl'),
      MailServiceProcessor_QUEUE_NAME: queue,
    };
    const cwd = createService({ '.env': '' });
    expectShown(await runCli(['check', '--connect'], { cwd, env }), kind);
  });

  it('is in the table of the docs', () => expectInTable('rabbitmq.md', kind));
});

it('a queue with delayed retry is served: the brokers here are too old to have one', () => {
  const args = { ...quorum, 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 1000 };
  const kind = { durable, autoDelete: false, isExclusive: false, arguments: args };
  expect(judge(kind)).toEqual({ refusal: undefined, limits: [] });
  expectInTable('rabbitmq.md', { name: '`x-delayed-retry-type` (RabbitMQ 4.3)' });
});

it('a queue that does not exist yet is created by run, and by no check', async () => {
  const queue = uniqueQueueName('kind');
  queues.push(queue);
  const { adapter } = await openAdapter();
  const needs = { maxAttempts: 3, deadLetterQueueName: `${queue}_dead`, retryDelaysMs: [20] };
  expect(await adapter.inspectQueue(queue, needs)).toEqual([]);
  await expect(adapter.countMessages(queue, [])).resolves.toBe(0);
  const channel = await control.createChannel();
  channel.on('error', () => undefined);
  await expect(channel.checkQueue(queue)).rejects.toThrow('NOT_FOUND');
});
