// The kinds of queues on SQS, each tried over HTTP: which serve, which serve with a limit, which are refused. The table in
// docs/sqs.md is held to these rows.
import { randomUUID } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { createService } from '../../commands/service.ts';
import { host } from '../../service/hosted.ts';
import { runCli } from '../../support/host-process.ts';
import { expectInTable, expectRefused, expectShown, type Verdict } from '../verdict.ts';
import { browse } from './harness.ts';
import { createRig, eventsOf, remaining, type Rig } from './rig.ts';
import { region } from './server.ts';

interface Kind extends Verdict {
  readonly attributes?: Readonly<Record<string, string>>;
  readonly suffix?: string;
  /** The name that the service is given, from the queue's own; default: the same. */
  readonly given?: (rig: Rig, queue: string) => string;
  /** It has a redrive policy with this number. */
  readonly maxReceiveCount?: number;
}

const account = '000000000000';
const arnOf = (queue: string, place = region): string => `arn:aws:sqs:${place}:${account}:${queue}`;

const kinds: readonly Kind[] = [
  { name: 'standard' },
  { name: 'FIFO', suffix: '.fifo' },
  {
    name: 'FIFO with `ContentBasedDeduplication`',
    suffix: '.fifo',
    attributes: { ContentBasedDeduplication: 'true' },
  },
  {
    name: 'FIFO of high throughput',
    suffix: '.fifo',
    attributes: { DeduplicationScope: 'messageGroup', FifoThroughputLimit: 'perMessageGroupId' },
  },
  { name: '`SqsManagedSseEnabled`', attributes: { SqsManagedSseEnabled: 'true' } },
  { name: '`KmsMasterKeyId`', attributes: { KmsMasterKeyId: 'alias/orders' } },
  { name: '`DelaySeconds`', attributes: { DelaySeconds: '1' } },
  { name: '`ReceiveMessageWaitTimeSeconds`', attributes: { ReceiveMessageWaitTimeSeconds: '20' } },
  { name: '`VisibilityTimeout` of 0', attributes: { VisibilityTimeout: '0' } },
  { name: '`MaximumMessageSize`', attributes: { MaximumMessageSize: '4096' } },
  { name: '`RedrivePolicy`', maxReceiveCount: 9 },
  {
    name: '`RedrivePolicy` with a low `maxReceiveCount`',
    maxReceiveCount: 4,
    limit: 'maxReceiveCount 4, below RETRY_MAX_ATTEMPTS 5',
  },
  {
    name: '`MessageRetentionPeriod` below an hour',
    attributes: { MessageRetentionPeriod: '600' },
    limit: 'MessageRetentionPeriod of 600 s',
  },
  { name: 'of another account, by ARN', given: (_, queue) => arnOf(queue) },
  {
    name: 'of another account, by URL',
    given: ({ server }, queue) => `${server.address}/${account}/${queue}`,
  },
  {
    name: 'of another region',
    given: (_, queue) => arnOf(queue, 'us-east-1'),
    refusal: 'is in us-east-1, and AWS_REGION is eu-central-1',
  },
  {
    name: 'missing, by ARN or URL',
    given: () => arnOf('nobody-made-this'),
    refusal: 'svchost creates queues only by name',
  },
];

/** Makes the queue; its own name, that of its dead letters, and the name that the service is given. */
function makeQueue(rig: Rig, { attributes = {}, suffix, maxReceiveCount, given }: Kind) {
  const dead = rig.createQueue();
  const policy = JSON.stringify({ deadLetterTargetArn: arnOf(dead), maxReceiveCount });
  const redrive = maxReceiveCount === undefined ? {} : { RedrivePolicy: policy };
  const queue = rig.createQueue({ ...attributes, ...redrive }, suffix);
  const deadLetters = maxReceiveCount === undefined ? `${queue}_dead` : dead;
  return { queue, deadLetters, name: given?.(rig, queue) ?? queue };
}

/** The dead letters of a foreign queue are not created: its owner has made this queue. */
function makeDeadLetterQueue(rig: Rig, { given }: Kind, queue: string): void {
  if (given) rig.server.createQueue(`${queue}_dead`);
}

describe.for(kinds)('a queue of the kind: $name', (kind) => {
  const { refusal } = kind;

  it.skipIf(refusal)(
    'serves: equal messages are processed, one is retried, one becomes a dead letter',
    async () => {
      await using rig = await createRig();
      const { queue, deadLetters, name } = makeQueue(rig, kind);
      makeDeadLetterQueue(rig, kind, queue);
      for (const body of ['"good"', '"good"', '"once"', '"bad"']) {
        await rig.adapter.sendMessage(name, Buffer.from(body));
      }
      const service = await host(
        rig.adapter,
        name,
        (message, { attempt }) => {
          if (message === 'bad' || (message === 'once' && attempt === 1)) throw new Error('no');
        },
        { retry: { maxAttempts: 2, initialDelayMs: 1, factor: 1, maxDelayMs: 1 } },
      );
      await service.settled(6);
      expect(service.calls.filter(({ message }) => message === 'good')).toHaveLength(2);
      await vi.waitFor(() => expect(browse(rig.server, deadLetters)).toHaveLength(1), { timeout: 10_000 });
      expect(await service.stop()).toBe(0);
      expect(remaining(rig, queue)).toBe(0);
    },
  );

  it.runIf(refusal)('is refused with 69', async () => {
    await using rig = await createRig();
    const { name } = makeQueue(rig, kind);
    await expectRefused(rig.adapter, name, refusal!);
  });

  it('is shown by check --connect, which leaves no trace', async () => {
    await using rig = await createRig();
    const { queue, name } = makeQueue(rig, kind);
    makeDeadLetterQueue(rig, kind, queue);
    rig.fill(queue, 1, queue.endsWith('.fifo') ? () => 'group' : undefined);
    const queuesBefore = rig.server.inspectQueue(`${queue}_dead`);
    const result = await runCli(['check', '--connect'], {
      cwd: createService({ '.env': '' }),
      env: envOf(rig, name),
    });
    expectShown(result, kind);
    expect(remaining(rig, queue)).toBe(1);
    expect(rig.server.inspectQueue(queue)!.messages.inflight).toEqual([]);
    expect(rig.server.inspectQueue(`${queue}_dead`)).toEqual(queuesBefore);
  });

  it('is in the table of the docs', () => expectInTable('sqs.md', kind));
});

function envOf({ proxy }: Rig, queue: string): Record<string, string> {
  return {
    MESSAGING_TYPE: 'SqsConnection',
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_SQS: proxy.url,
    MailServiceProcessor_QUEUE_NAME: queue,
  };
}

it('a queue of another account is looked up there, at our endpoint alone', async () => {
  await using rig = await createRig();
  const owners: unknown[] = [];
  rig.proxy.rule = (action, body) => {
    if (action === 'GetQueueUrl') owners.push(body['QueueOwnerAWSAccountId']);
    return 'pass';
  };
  const name = `https://sqs.${region}.amazonaws.com/123456789012/${rig.createQueue()}`;
  await rig.adapter.sendMessage(name, Buffer.from('"good"'));
  expect(owners).toEqual(['123456789012']);
});

it('a prefix before an ARN is a problem that names the variable', async () => {
  await using rig = await createRig();
  const { code, stderr, stdout } = await runCli(['check'], {
    cwd: createService({ '.env': '' }),
    env: { ...envOf(rig, arnOf('orders')), QUEUE_NAME_PREFIX: 'prod_' },
  });
  expect(code).toBe(78);
  expect(stdout + stderr).toMatch(/MailServiceProcessor_QUEUE_NAME.*without a prefix/s);
});

describe('check --connect names what is denied', () => {
  const user = 'User: arn:aws:iam::123456789012:user/mail is not authorized to perform:';

  it.for<[call: string, sentence: string, expected: string]>([
    ['GetQueueUrl', `${user} sqs:getqueueurl on resource: mail`, 'sqs:GetQueueUrl'],
    ['GetQueueAttributes', `${user} sqs:getqueueattributes on resource: mail`, 'sqs:GetQueueAttributes'],
    ['ReceiveMessage', `${user} sqs:receivemessage on resource: mail`, 'sqs:ReceiveMessage'],
    ['DeleteMessageBatch', `${user} sqs:deletemessage on resource: mail`, 'sqs:DeleteMessage'],
    ['ChangeMessageVisibilityBatch', 'Access to the resource is denied.', 'sqs:ChangeMessageVisibility'],
    ['SendMessageBatch', `${user} kms:GenerateDataKey on resource: key`, 'kms:GenerateDataKey'],
    ['CreateQueue', `${user} sqs:createqueue on resource: mail_dead`, 'sqs:CreateQueue'],
  ])('%s', async ([call, sentence, expected]) => {
    await using rig = await createRig();
    const queue = rig.createQueue();
    if (call !== 'CreateQueue') rig.server.createQueue(`${queue}_dead`);
    // The look-up of svchost's probe is about no queue of the service.
    rig.proxy.rule = (action, { QueueName: name }) =>
      action === call && name !== 'svchost-probe'
        ? { error: 'AccessDeniedException', status: 403, message: sentence }
        : 'pass';
    const { code, stdout } = await runCli(['check', '--connect'], {
      cwd: createService({ '.env': '' }),
      env: envOf(rig, queue),
    });
    expect(code).toBe(69);
    expect(stdout).toContain(`allow the IAM action ${expected} (${sentence})`);
  });
});

describe('an encrypted queue', () => {
  it.for<[error: string, call: string, expected: string]>([
    ['KmsAccessDenied', 'ReceiveMessage', 'allow the IAM action kms:Decrypt'],
    [
      'KMS.AccessDeniedException',
      'SendMessageBatch',
      'allow the IAM action kms:GenerateDataKey and kms:Decrypt',
    ],
    ['KmsDisabled', 'SendMessageBatch', 'cannot use the KMS key'],
    ['KmsNotFound', 'ReceiveMessage', 'cannot use the KMS key'],
  ])('%s at %s says what is missing', async ([error, call, expected]) => {
    await using rig = await createRig({ listenIntervalS: 1 });
    const queue = rig.createQueue();
    rig.proxy.rule = (action) => (action === call ? { error, status: 400 } : 'pass');
    if (call === 'SendMessageBatch') {
      await expect(rig.adapter.sendMessage(queue, Buffer.from('1'))).rejects.toThrow(expected);
      return;
    }
    await host(rig.adapter, queue, () => undefined);
    await vi.waitFor(() => expect(String(eventsOf(rig, 'consumer-lost')[0]?.error)).toContain(expected), {
      timeout: 10_000,
    });
  });
});

it('names of queues are taken apart only if they are whole', async () => {
  await using rig = await createRig();
  for (const name of [`arn:aws:sqs:${region}:12:orders`, 'https://example.com/orders', randomUUID() + ':x']) {
    await expect(rig.adapter.ensureQueue(name)).rejects.toThrow("a queue's ARN or URL");
  }
});
