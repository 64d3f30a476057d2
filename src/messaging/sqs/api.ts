// The calls to SQS: two clients, a time limit on each call, and how many there were. Owns no retry: who calls decides.
import {
  ChangeMessageVisibilityBatchCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
  type BatchResultErrorEntry,
  type Message,
  type QueueAttributeName,
  type SendMessageBatchRequestEntry,
} from '@aws-sdk/client-sqs';
import type { AdapterContext } from '../adapter.ts';
import type { SqsOptions } from './options.ts';

/** How long SQS may take to answer a call that does not wait for messages, in milliseconds. */
const callTimeoutMs = 10_000;

/** How much longer than its wait a poll may take, in milliseconds. */
const pollMarginMs = 10_000;

const connectTimeoutMs = 5_000;

/** The kinds of calls. */
const callKinds = ['lookup', 'create', 'attributes', 'receive', 'delete', 'visibility', 'send'] as const;

type CallKind = (typeof callKinds)[number];

/** The calls of one connection so far, by kind: SQS is paid by the call. */
export type CallCounts = Record<CallKind, number>;

export interface ReceiveOptions {
  readonly most: number;
  readonly waitS: number;
  readonly visibilityTimeoutS: number;
  /** FIFO queues hand the same messages out again to the same id, where an answer was lost. */
  readonly attemptId: string | undefined;
  readonly signal: AbortSignal;
}

export interface VisibilityChange {
  readonly receiptHandle: string;
  readonly visibilityTimeoutS: number;
}

/** The entries of a batch call that failed, by their index. */
export type FailedEntries = ReadonlyMap<number, BatchResultErrorEntry>;

export class SqsApi {
  readonly region: string;
  readonly counts = Object.fromEntries(callKinds.map((kind) => [kind, 0])) as CallCounts;
  readonly #context: AdapterContext;
  /** Of its own, so that long polls never keep a settle waiting for a socket (aws-sdk-js-v3#7027). */
  readonly #polling: SQSClient;
  readonly #telling: SQSClient;

  constructor(options: SqsOptions, context: AdapterContext) {
    this.region = options.region;
    this.#context = context;
    this.#polling = createClient(options);
    this.#telling = createClient(options);
  }

  /** Fails where there are no credentials; makes no call to SQS. */
  async findCredentials(): Promise<void> {
    await this.#telling.config.credentials();
  }

  /** @param account the owner, where it is not our own account */
  async lookUp(queueName: string, account?: string): Promise<string> {
    const input = { QueueName: queueName, ...(account && { QueueOwnerAWSAccountId: account }) };
    const { QueueUrl = '' } = await this.#call('lookup', (options) =>
      this.#telling.send(new GetQueueUrlCommand(input), options),
    );
    return QueueUrl;
  }

  async create(queueName: string, attributes: Readonly<Record<string, string>>): Promise<string> {
    const command = new CreateQueueCommand({ QueueName: queueName, Attributes: { ...attributes } });
    const { QueueUrl = '' } = await this.#call('create', (options) => this.#telling.send(command, options));
    return QueueUrl;
  }

  async attributes(
    url: string,
    names: readonly QueueAttributeName[],
  ): Promise<Partial<Record<QueueAttributeName, string>>> {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...names] });
    const { Attributes } = await this.#call('attributes', (options) => this.#telling.send(command, options));
    return Attributes ?? {};
  }

  async receive(url: string, options: ReceiveOptions): Promise<Message[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: url,
      MaxNumberOfMessages: options.most,
      WaitTimeSeconds: options.waitS,
      VisibilityTimeout: options.visibilityTimeoutS,
      MessageSystemAttributeNames: [
        'ApproximateReceiveCount',
        'ApproximateFirstReceiveTimestamp',
        'SentTimestamp',
        'MessageGroupId',
      ],
      MessageAttributeNames: ['All'],
      ...(options.attemptId && { ReceiveRequestAttemptId: options.attemptId }),
    });
    const { Messages } = await this.#call(
      'receive',
      (callOptions) => this.#polling.send(command, callOptions),
      options.waitS * 1000 + pollMarginMs,
      options.signal,
    );
    return Messages ?? [];
  }

  async deleteBatch(url: string, receiptHandles: readonly string[]): Promise<FailedEntries> {
    const Entries = receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
    const command = new DeleteMessageBatchCommand({ QueueUrl: url, Entries });
    const { Failed } = await this.#call('delete', (options) => this.#telling.send(command, options));
    return byIndex(Failed);
  }

  async changeVisibilityBatch(
    url: string,
    changes: readonly VisibilityChange[],
    timeoutMs = callTimeoutMs,
  ): Promise<FailedEntries> {
    const Entries = changes.map(({ receiptHandle, visibilityTimeoutS }, index) => ({
      Id: String(index),
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: visibilityTimeoutS,
    }));
    const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries });
    const { Failed } = await this.#call(
      'visibility',
      (options) => this.#telling.send(command, options),
      timeoutMs,
    );
    return byIndex(Failed);
  }

  async sendBatch(
    url: string,
    messages: readonly Omit<SendMessageBatchRequestEntry, 'Id'>[],
  ): Promise<FailedEntries> {
    const Entries = messages.map((message, index) => ({ ...message, Id: String(index) }));
    const command = new SendMessageBatchCommand({ QueueUrl: url, Entries });
    const { Failed } = await this.#call('send', (options) => this.#telling.send(command, options));
    return byIndex(Failed);
  }

  close(): void {
    this.#polling.destroy();
    this.#telling.destroy();
  }

  /** A call with a time limit of its own: some hang for hours (sqs-consumer#137). */
  async #call<T>(
    kind: CallKind,
    call: (options: { abortSignal: AbortSignal }) => Promise<T>,
    timeoutMs = callTimeoutMs,
    signal?: AbortSignal,
  ): Promise<T> {
    this.counts[kind]++;
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    const late = new Error(`no answer from SQS within ${timeoutMs / 1000} s`);
    const cancel = this.#context.clock.after(timeoutMs, () => controller.abort(late));
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    try {
      return await call({ abortSignal: controller.signal });
    } catch (error) {
      throw controller.signal.reason === late ? late : error;
    } finally {
      cancel();
      signal?.removeEventListener('abort', abort);
    }
  }
}

function createClient({ region, credentials, endpoint }: SqsOptions): SQSClient {
  return new SQSClient({
    region,
    ...(credentials && { credentials }),
    ...(endpoint !== undefined && { endpoint }),
    // Else a queue URL's host wins over the endpoint that was set (nestjs-sqs#78).
    useQueueUrlAsEndpoint: false,
    // Each caller has a way of its own to try again, and counts.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: connectTimeoutMs },
  });
}

function byIndex(failed: readonly BatchResultErrorEntry[] | undefined): FailedEntries {
  return new Map((failed ?? []).map((entry) => [Number(entry.Id), entry]));
}
