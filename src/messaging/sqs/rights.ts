// Tries the IAM actions that a service will need, for its own queue and its dead letters, and leaves no trace: each call is
// one that SQS refuses for another reason, once it has found the right.
import { BrokerRefusedError } from '../../errors.ts';
import type { SqsApi } from './api.ts';
import type { SqsQueue } from './queue.ts';

/** The queues that a service uses; undefined if the queue is missing, so that it will be created. */
export interface RightsOptions {
  readonly queue: SqsQueue | undefined;
  readonly deadLetterQueue: SqsQueue | undefined;
  /** The names of the queues to create. */
  readonly missing: readonly string[];
}

/** The actions that are denied, one line each, with SQS's own sentence. */
export async function findMissingRights(
  api: SqsApi,
  { queue, deadLetterQueue, missing }: RightsOptions,
): Promise<readonly string[]> {
  const trials = [
    ...(queue ? [receive(api, queue), remove(api, queue), changeVisibility(api, queue)] : []),
    ...(deadLetterQueue ? [send(api, deadLetterQueue)] : []),
    ...missing.map((name) => create(api, name)),
  ];
  const refusals = await Promise.all(trials.map((trial) => refusalOf(trial)));
  return refusals.filter((refusal) => refusal !== undefined);
}

/** Undefined if SQS found the right. Other failures of the broker are for others to report. */
async function refusalOf(trial: Promise<unknown>): Promise<string | undefined> {
  try {
    await trial;
    return undefined;
  } catch (error) {
    return error instanceof BrokerRefusedError ? error.message : undefined;
  }
}

/** Nobody can receive no message. */
async function receive(api: SqsApi, queue: SqsQueue): Promise<void> {
  const signal = new AbortController().signal;
  await api.receive(queue, { most: 0, waitS: 0, visibilityTimeoutS: 0, attemptId: undefined, signal });
}

/** No message has this receipt handle. */
const noHandle = 'svchost-asks';

async function remove(api: SqsApi, queue: SqsQueue): Promise<void> {
  await api.deleteBatch(queue, [noHandle]);
}

async function changeVisibility(api: SqsApi, queue: SqsQueue): Promise<void> {
  await api.changeVisibilityBatch(queue, [{ receiptHandle: noHandle, visibilityTimeoutS: 0 }]);
}

/** No message may have this character. */
async function send(api: SqsApi, queue: SqsQueue): Promise<void> {
  await api.sendBatch(queue, [{ MessageBody: '\0' }]);
}

/** No queue can have this visibility timeout. */
async function create(api: SqsApi, name: string): Promise<void> {
  await api.create(name, { VisibilityTimeout: '-1' });
}
