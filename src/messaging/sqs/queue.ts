// Queues by name: checks names, looks up URLs, creates queues that are missing, and reads their attributes.
import { isFifoName, nameFault, queuePlace, wireName } from '../../config/broker/sqs.ts';
import { BrokerRefusedError } from '../../errors.ts';
import type { AdapterContext } from '../adapter.ts';
import { KnownQueues } from '../known-queue.ts';
import type { QueueAddress, SqsApi } from './api.ts';
import { isMissingQueue } from './failure.ts';
import type { SqsTiming } from './options.ts';

export { wireName };

/** A queue that was found or created. */
export interface SqsQueue extends QueueAddress {
  readonly isFifo: boolean;
}

/** The queue that a consumer receives from, and all that its parts share. */
export interface Source {
  /** The queue as last looked up; replaced if it is deleted and created again, since the URL may differ. */
  queue: SqsQueue;
  readonly api: SqsApi;
  readonly context: AdapterContext;
  /** Returns the current timing. */
  readonly timing: () => SqsTiming;
}

/** A queue's redrive policy, by which SQS itself moves messages that were received too often. */
export interface Redrive {
  /** The queue to which they are moved. */
  readonly queueName: string;
  /** Its full name, with its account. */
  readonly arn: string;
  readonly maxReceiveCount: number;
}

/** The attributes of a queue that svchost uses. */
export interface QueueFacts {
  readonly visibilityTimeoutS: number;
  readonly redrive: Redrive | undefined;
  /** How long SQS keeps a message, in seconds. */
  readonly retentionS: number;
}

/** The queues of one connection; each is looked up once. */
export class QueueRegister {
  readonly #api: SqsApi;
  readonly #emit: AdapterContext['emit'];
  readonly #region: string;
  readonly #known = new KnownQueues<SqsQueue>();

  constructor(api: SqsApi, region: string, emit: AdapterContext['emit']) {
    this.#api = api;
    this.#region = region;
    this.#emit = emit;
  }

  /**
   * The queue, created if it is missing.
   *
   * @throws BrokerRefusedError the name is not allowed, or a right is missing; other errors are temporary
   */
  ensure(queueName: string): Promise<SqsQueue> {
    return this.#remember(queueName, (name) => this.#lookUpOrCreate(name));
  }

  /**
   * The queue; rejects if it is missing (see isMissingQueue).
   *
   * @throws BrokerRefusedError as `ensure` does
   */
  find(queueName: string): Promise<SqsQueue> {
    return this.#remember(queueName, (name) => this.#lookUp(name));
  }

  /** As `find`, but undefined if the queue is missing. */
  async findIfAny(queueName: string): Promise<SqsQueue | undefined> {
    try {
      return await this.find(queueName);
    } catch (error) {
      if (isMissingQueue(error)) return undefined;
      throw error;
    }
  }

  /**
   * As `findIfAny`, for a queue that is created when it is needed.
   *
   * @throws BrokerRefusedError it is missing and cannot be created, since its name says that it may be of another account
   */
  async findOrCreatable(queueName: string): Promise<SqsQueue | undefined> {
    const queue = await this.findIfAny(queueName);
    if (!queue) assertCreatable(queueName);
    return queue;
  }

  /** Makes the next call look the queue up again, because it is gone. */
  forget(queueName: string): void {
    this.#known.forget(queueName);
  }

  async facts(queue: SqsQueue): Promise<QueueFacts> {
    const attributes = await this.#api.attributes(queue, [
      'VisibilityTimeout',
      'RedrivePolicy',
      'MessageRetentionPeriod',
    ]);
    return {
      // A timeout of 0 would lease nothing, so SQS's default is used instead.
      visibilityTimeoutS: Number(attributes.VisibilityTimeout) || 30,
      redrive: parseRedrive(attributes.RedrivePolicy),
      // SQS's default is four days.
      retentionS: Number(attributes.MessageRetentionPeriod) || 345_600,
    };
  }

  /** How many messages are visible, and how many are in flight or wait for a retry. Both numbers are approximate. */
  async count(queue: SqsQueue): Promise<{ readonly visible: number; readonly invisible: number }> {
    const attributes = await this.#api.attributes(queue, [
      'ApproximateNumberOfMessages',
      'ApproximateNumberOfMessagesDelayed',
      'ApproximateNumberOfMessagesNotVisible',
    ]);
    const number = (text = '0'): number => Number(text);
    return {
      visible:
        number(attributes.ApproximateNumberOfMessages) +
        number(attributes.ApproximateNumberOfMessagesDelayed),
      invisible: number(attributes.ApproximateNumberOfMessagesNotVisible),
    };
  }

  async #remember(queueName: string, find: (name: string) => Promise<SqsQueue>): Promise<SqsQueue> {
    const name = checkedName(queueName);
    return await this.#known.ask(name, () => find(name));
  }

  async #lookUp(fullName: string): Promise<SqsQueue> {
    const { name, account, region = this.#region } = queuePlace(fullName);
    if (region !== this.#region) {
      throw new BrokerRefusedError(
        `queue "${fullName}" is in ${region}, and AWS_REGION is ${this.#region}; set AWS_REGION to ${region}`,
      );
    }
    return { name: fullName, url: await this.#api.lookUp(name, account), isFifo: isFifoName(name) };
  }

  async #lookUpOrCreate(name: string): Promise<SqsQueue> {
    try {
      return await this.#lookUp(name);
    } catch (error) {
      if (!isMissingQueue(error)) throw error;
      assertCreatable(name);
    }
    const isFifo = isFifoName(name);
    const url = await this.#api.create(name, isFifo ? { FifoQueue: 'true' } : {});
    this.#emit({ kind: 'queue-created', queue: name });
    return { name, url, isFifo };
  }
}

/** The dead-letter queue of a queue: FIFO if the queue is, as SQS requires of redrive targets. */
export function deadLetterName(deadLetterQueueName: string, queueName: string): string {
  const name = wireName(deadLetterQueueName);
  return isFifoName(queueName) && !isFifoName(name) ? `${name}.fifo` : name;
}

/**
 * The name in SQS's spelling.
 *
 * @throws BrokerRefusedError SQS does not allow the name
 */
function checkedName(queueName: string): string {
  const name = wireName(queueName);
  const allowed = nameFault(name);
  if (allowed === undefined) return name;
  throw new BrokerRefusedError(`SQS does not allow the queue name "${name}"; expected ${allowed}`);
}

/** A redrive policy names its target by ARN: arn:aws:sqs:region:account:name. */
function assertCreatable(queueName: string): void {
  if (queuePlace(wireName(queueName)).account === undefined) return;
  throw new BrokerRefusedError(
    `there is no queue "${queueName}", or its account does not let us see it: svchost creates queues only by name; ` +
      "create it, or allow sqs:GetQueueUrl in the queue's policy",
  );
}

function parseRedrive(policy: string | undefined): Redrive | undefined {
  if (policy === undefined || policy === '') return undefined;
  const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(policy) as Record<string, unknown>;
  if (typeof deadLetterTargetArn !== 'string') return undefined;
  const { name, account } = queuePlace(deadLetterTargetArn);
  if (account === undefined) return undefined;
  return { queueName: name, arn: deadLetterTargetArn, maxReceiveCount: Number(maxReceiveCount) };
}
