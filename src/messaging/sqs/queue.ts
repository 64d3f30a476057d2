// Queues by name: their URLs, making those that are missing, and what their attributes say. Owns no message.
import type { AdapterContext } from '../adapter.ts';
import type { SqsApi } from './api.ts';
import { isMissingQueue, refusalOf } from './failure.ts';
import { checkedName, isFifoName } from './queue-name.ts';

export interface SqsQueue {
  readonly name: string;
  readonly url: string;
  readonly isFifo: boolean;
}

/** Where SQS itself puts a message that was received too often. */
export interface Redrive {
  readonly queueName: string;
  /** The account that owns the queue. */
  readonly account: string;
  readonly maxReceiveCount: number;
}

export interface QueueFacts {
  readonly visibilityTimeoutS: number;
  readonly redrive: Redrive | undefined;
}

export class QueueRegister {
  readonly api: SqsApi;
  readonly context: AdapterContext;
  readonly #known = new Map<string, Promise<SqsQueue>>();

  constructor(api: SqsApi, context: AdapterContext) {
    this.api = api;
    this.context = context;
  }

  /**
   * The queue, made where it is missing.
   *
   * @throws BrokerRefusedError the name is not allowed, or a right is missing; other errors can pass
   */
  ensure(queueName: string): Promise<SqsQueue> {
    return this.#remember(checkedName(queueName), (name) => this.#lookUpOrCreate(name));
  }

  /**
   * The queue; rejects where it is missing (see isMissingQueue).
   *
   * @param account the owner, where it is not our own account
   */
  find(queueName: string, account?: string): Promise<SqsQueue> {
    return this.#remember(checkedName(queueName), (name) => this.#lookUp(name, account));
  }

  /** The queue is to be looked up again: it is gone. */
  forget(queueName: string): void {
    this.#known.delete(queueName);
  }

  async facts(queue: SqsQueue): Promise<QueueFacts> {
    const attributes = await this.#refusing('GetQueueAttributes', queue.name, () =>
      this.api.attributes(queue.url, ['VisibilityTimeout', 'RedrivePolicy']),
    );
    return {
      // With a timeout of 0 nothing is leased at all: SQS's own default stands in.
      visibilityTimeoutS: Number(attributes.VisibilityTimeout) || 30,
      redrive: parseRedrive(attributes.RedrivePolicy),
    };
  }

  /** Messages that wait, and messages that are with a receiver or wait for a retry; both about. */
  async count(queue: SqsQueue): Promise<{ visible: number; invisible: number }> {
    const attributes = await this.#refusing('GetQueueAttributes', queue.name, () =>
      this.api.attributes(queue.url, [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesDelayed',
        'ApproximateNumberOfMessagesNotVisible',
      ]),
    );
    const number = (text = '0'): number => Number(text);
    return {
      visible:
        number(attributes.ApproximateNumberOfMessages) +
        number(attributes.ApproximateNumberOfMessagesDelayed),
      invisible: number(attributes.ApproximateNumberOfMessagesNotVisible),
    };
  }

  async #remember(name: string, find: (name: string) => Promise<SqsQueue>): Promise<SqsQueue> {
    let found = this.#known.get(name);
    if (!found) {
      found = find(name);
      this.#known.set(name, found);
      found.catch(() => this.#known.delete(name));
    }
    return await found;
  }

  async #lookUp(name: string, account?: string): Promise<SqsQueue> {
    const url = await this.#refusing('GetQueueUrl', name, () => this.api.lookUp(name, account));
    return { name, url, isFifo: isFifoName(name) };
  }

  async #lookUpOrCreate(name: string): Promise<SqsQueue> {
    try {
      return await this.#lookUp(name);
    } catch (error) {
      if (!isMissingQueue(error)) throw error;
    }
    const isFifo = isFifoName(name);
    const url = await this.#refusing('CreateQueue', name, () =>
      this.api.create(name, isFifo ? { FifoQueue: 'true' } : {}),
    );
    this.context.log.info({ queue: name, region: this.api.region }, 'queue was missing; created');
    return { name, url, isFifo };
  }

  async #refusing<T>(action: string, queueName: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw refusalOf(error, { action, queueName, region: this.api.region }) ?? error;
    }
  }
}

/** A redrive policy names its target by ARN: arn:aws:sqs:region:account:name. */
function parseRedrive(policy: string | undefined): Redrive | undefined {
  if (policy === undefined || policy === '') return undefined;
  const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(policy) as Record<string, unknown>;
  if (typeof deadLetterTargetArn !== 'string') return undefined;
  const [account, queueName] = deadLetterTargetArn.split(':').slice(4);
  if (account === undefined || queueName === undefined) return undefined;
  return { queueName, account, maxReceiveCount: Number(maxReceiveCount) };
}
