// Messages per second over SQS: svchost with a concurrency of 50 and sqs-consumer with its batches of ten, in turn on one
// server. Prints both and their ratio, without a verdict. `npm run bench:sqs [-- <messages> <pairs>]`.
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SQSClient } from '@aws-sdk/client-sqs';
import { Consumer } from 'sqs-consumer';
import { systemClock } from '../src/clock.ts';
import { silentLog } from '../src/log.ts';
import { SqsConnection } from '../src/messaging/sqs/connection.ts';
import { ServiceEvents } from '../src/service/events.ts';
import { createMessageService } from '../src/service/message-service.ts';

const messages = Number(process.argv[2] ?? 4000);
const pairs = Number(process.argv[3] ?? 7);
const region = 'eu-central-1';
const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };

const server = fork(path.join(import.meta.dirname, 'sqs-server.ts'));
const [{ endpoint }] = (await once(server, 'message')) as [{ endpoint: string }];

/** The speed and the cost of one consumer, from the first message it received to the last it deleted. */
interface Run {
  readonly perSecond: number;
  readonly callsPerMessage: number;
}

/** The work of one consumer; `onDeleted` returns whether that was the last message. */
interface Work {
  readonly queue: string;
  readonly queueUrl: string;
  readonly handle: () => Promise<void>;
  readonly onDeleted: () => boolean;
}

/** Empties a queue; returns the number of calls. */
type Consume = (work: Work) => Promise<number>;

/** The whole host except its process: the pipeline of every message. */
const svchost: Consume = async ({ queue, handle, onDeleted }) => {
  const events = new ServiceEvents();
  const adapter = new SqsConnection(
    { region, credentials, endpoint },
    {
      connectionName: 'bench@1',
      log: silentLog,
      clock: systemClock,
      emit: (event) => events.emit(event),
    },
  );
  const service = createMessageService({
    adapter,
    processor: {},
    queues: [
      {
        queueName: queue,
        deadLetterQueueName: `${queue}_dead`,
        concurrency: 50,
        process: handle,
        schema: undefined,
        retry: { maxAttempts: 5, initialDelayMs: 1000, factor: 5, maxDelayMs: 300_000 },
        crashMaxDeliveries: 3,
        processTimeoutMs: undefined,
      },
    ],
    shutdownTimeoutMs: 30_000,
    consumeConfig: undefined,
    clock: systemClock,
    events,
    processorLog: silentLog,
  });
  events.listen((event) => {
    if (event.kind === 'delivery-ended' && event.isSettled && onDeleted()) service.stop('all are deleted');
  });
  await service.run();
  const { receive, delete: deletes, visibility } = adapter.calls;
  return receive + deletes + visibility;
};

const sqsConsumer: Consume = async ({ queueUrl, handle, onDeleted }) => {
  const sqs = new SQSClient({ region, credentials, endpoint });
  let calls = 0;
  sqs.middlewareStack.add(
    (next) => (args) => {
      calls++;
      return next(args);
    },
    { step: 'initialize' },
  );
  const consumer = Consumer.create({
    queueUrl,
    sqs,
    batchSize: 10,
    handleMessage: async (message) => {
      await handle();
      return message;
    },
  });
  await new Promise<void>((resolve, reject) => {
    consumer.on('error', reject);
    consumer.on('message_processed', () => {
      if (onDeleted()) resolve();
    });
    consumer.start();
  });
  consumer.stop({ abort: true });
  return calls;
};

async function measure(consume: Consume, workMs: number): Promise<Run> {
  const queue = `bench-${randomUUID()}`;
  server.send({ queue, messages });
  const [{ queueUrl }] = (await once(server, 'message')) as [{ queueUrl: string }];
  let [startedAt, endedAt, deleted] = [0, 0, 0];
  const handle = async (): Promise<void> => {
    startedAt ||= performance.now();
    if (workMs > 0) await pause(workMs);
  };
  const onDeleted = (): boolean => {
    endedAt = performance.now();
    return ++deleted === messages;
  };
  const calls = await consume({ queue, queueUrl, handle, onDeleted });
  return { perSecond: messages / ((endedAt - startedAt) / 1000), callsPerMessage: calls / messages };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

console.log(`${messages} messages a run, ${pairs} pairs of runs; messages a second, and calls a message`);
for (const workMs of [8, 0]) {
  const runs: [ours: Run, theirs: Run][] = [];
  // The first pair warms up, and does not count.
  for (let pair = 0; pair <= pairs; pair++) {
    const order = pair % 2 === 0 ? [svchost, sqsConsumer] : [sqsConsumer, svchost];
    const results = new Map<Consume, Run>();
    for (const consume of order) results.set(consume, await measure(consume, workMs));
    const [ours, theirs] = [results.get(svchost), results.get(sqsConsumer)];
    if (pair > 0 && ours && theirs) runs.push([ours, theirs]);
  }
  const ratios = runs.map(([ours, theirs]) => ours.perSecond / theirs.perSecond).toSorted((a, b) => a - b);
  const row = (name: string, own: readonly Run[]) => {
    const rate = median(own.map(({ perSecond }) => perSecond)).toFixed(0);
    const calls = median(own.map(({ callsPerMessage }) => callsPerMessage)).toFixed(2);
    console.log(`  ${name.padEnd(12)} ${rate.padStart(6)} /s ${calls} calls`);
  };
  console.log(workMs > 0 ? `a handler that waits ${workMs} ms:` : 'a handler that does nothing:');
  row(
    'svchost',
    runs.map(([ours]) => ours),
  );
  row(
    'sqs-consumer',
    runs.map(([, theirs]) => theirs),
  );
  const [least, most] = [ratios[0] ?? NaN, ratios.at(-1) ?? NaN];
  console.log(
    `  ratio: median of the pairs ${median(ratios).toFixed(2)}, from ${least.toFixed(2)} to ${most.toFixed(2)}`,
  );
}
server.disconnect();
