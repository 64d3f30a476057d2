// The calls to SQS: two clients, and for each call a time limit, a count and a readable error. Callers retry.
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
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
import type { Clock } from '../../clock.ts';
import { failureOf, isAccessDenied, isMissingQueue } from './failure.ts';
import type { SqsOptions } from './options.ts';

/** How long SQS may take to answer a call that does not wait for messages, in milliseconds. */
const callTimeoutMs = 10_000;

/** How much longer than its wait a poll may take, in milliseconds. */
const pollMarginMs = 10_000;

const connectTimeoutMs = 5_000;

/** The kinds of calls, and the IAM action that each needs. */
const actions = {
  lookup: 'GetQueueUrl',
  create: 'CreateQueue',
  attributes: 'GetQueueAttributes',
  receive: 'ReceiveMessage',
  delete: 'DeleteMessage',
  visibility: 'ChangeMessageVisibility',
  send: 'SendMessage',
} as const;

type CallKind = keyof typeof actions;

/** The number of calls of one connection so far, by kind: SQS is paid by the call. */
export type CallCounts = Record<CallKind, number>;

/** Looked up to see whether SQS answers, and accepts these credentials. */
const probeQueueName = 'svchost-probe';

/** A queue's name, and the URL that calls need. */
export interface QueueAddress {
  readonly name: string;
  readonly url: string;
}

/** The parameters of a poll. */
export interface ReceiveOptions {
  /** The largest number of messages, 1 to 10. */
  readonly most: number;
  readonly waitS: number;
  readonly visibilityTimeoutS: number;
  /** A FIFO queue repeats its answer to a poll with the same id, in case the first one got lost. */
  readonly attemptId: string | undefined;
  readonly signal: AbortSignal;
}

/** When one message becomes visible again. */
export interface VisibilityChange {
  readonly receiptHandle: string;
  readonly visibilityTimeoutS: number;
}

/** Why an entry of a batch call failed. */
export interface EntryFailure {
  /** SQS would refuse the same entry again. */
  readonly isFinal: boolean;
  readonly error: Error;
}

/** The entries of a batch call that failed, by their index. */
export type FailedEntries = ReadonlyMap<number, EntryFailure>;

interface Call<T> {
  readonly kind: CallKind;
  readonly queueName: string | undefined;
  readonly run: (options: { abortSignal: AbortSignal }) => Promise<T>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** The API of SQS. Every method rejects with an error made by failure.ts. */
export class SqsApi {
  readonly counts = Object.fromEntries(Object.keys(actions).map((kind) => [kind, 0])) as CallCounts;
  readonly #region: string;
  readonly #clock: Clock;
  /** A client of its own, so that long polls never keep a settle waiting for a socket (aws-sdk-js-v3#7027). */
  readonly #polling: SQSClient;
  readonly #client: SQSClient;

  constructor(options: SqsOptions, clock: Clock) {
    this.#region = options.region;
    this.#clock = clock;
    this.#polling = createClient(options);
    this.#client = createClient(options);
  }

  /** Resolves if SQS answers and accepts our credentials. */
  async probe(): Promise<void> {
    await this.#findCredentials();
    try {
      await this.#getUrl({ QueueName: probeQueueName }, undefined);
    } catch (error) {
      // Either is an answer; the service needs rights on its own queues only.
      if (isMissingQueue(error) || isAccessDenied(error)) return;
      throw error;
    }
  }

  /**
   * Returns the queue's URL.
   *
   * @param account the account that owns the queue, if it is not ours
   */
  async lookUp(queueName: string, account?: string): Promise<string> {
    const owner = account !== undefined && { QueueOwnerAWSAccountId: account };
    return await this.#getUrl({ QueueName: queueName, ...owner }, queueName);
  }

  /** Returns the URL of the new queue. */
  async create(queueName: string, attributes: Readonly<Record<string, string>>): Promise<string> {
    const command = new CreateQueueCommand({ QueueName: queueName, Attributes: { ...attributes } });
    const { QueueUrl = '' } = await this.#call({
      kind: 'create',
      queueName,
      run: (options) => this.#client.send(command, options),
    });
    return QueueUrl;
  }

  async attributes(
    { name, url }: QueueAddress,
    names: readonly QueueAttributeName[],
  ): Promise<Partial<Record<QueueAttributeName, string>>> {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...names] });
    const { Attributes = {} } = await this.#call({
      kind: 'attributes',
      queueName: name,
      run: (options) => this.#client.send(command, options),
    });
    return Attributes;
  }

  async receive({ name, url }: QueueAddress, options: ReceiveOptions): Promise<Message[]> {
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
      ...(options.attemptId !== undefined && { ReceiveRequestAttemptId: options.attemptId }),
    });
    const { Messages = [] } = await this.#call({
      kind: 'receive',
      queueName: name,
      run: (callOptions) => this.#polling.send(command, callOptions),
      timeoutMs: options.waitS * 1000 + pollMarginMs,
      signal: options.signal,
    });
    return Messages;
  }

  async deleteBatch({ name, url }: QueueAddress, receiptHandles: readonly string[]): Promise<FailedEntries> {
    const Entries = receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
    const command = new DeleteMessageBatchCommand({ QueueUrl: url, Entries });
    return await this.#callBatch({
      kind: 'delete',
      queueName: name,
      run: (options) => this.#client.send(command, options),
    });
  }

  /** @param timeoutMs how long SQS may take to answer; default: 10 s */
  async changeVisibilityBatch(
    { name, url }: QueueAddress,
    changes: readonly VisibilityChange[],
    timeoutMs = callTimeoutMs,
  ): Promise<FailedEntries> {
    const Entries = changes.map(({ receiptHandle, visibilityTimeoutS }, index) => ({
      Id: String(index),
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: visibilityTimeoutS,
    }));
    const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries });
    return await this.#callBatch({
      kind: 'visibility',
      queueName: name,
      run: (options) => this.#client.send(command, options),
      timeoutMs,
    });
  }

  async sendBatch(
    { name, url }: QueueAddress,
    messages: readonly Omit<SendMessageBatchRequestEntry, 'Id'>[],
  ): Promise<FailedEntries> {
    const Entries = messages.map((message, index) => ({ ...message, Id: String(index) }));
    const command = new SendMessageBatchCommand({ QueueUrl: url, Entries });
    return await this.#callBatch({
      kind: 'send',
      queueName: name,
      run: (options) => this.#client.send(command, options),
    });
  }

  /** Closes both clients' sockets. */
  close(): void {
    this.#polling.destroy();
    this.#client.destroy();
  }

  /** Fails if there are no credentials; makes no call to SQS. */
  async #findCredentials(): Promise<void> {
    try {
      await this.#client.config.credentials();
    } catch (error) {
      throw this.#failure(error, 'lookup', undefined);
    }
  }

  async #getUrl(
    input: { readonly QueueName: string; readonly QueueOwnerAWSAccountId?: string },
    queueName: string | undefined,
  ): Promise<string> {
    const { QueueUrl = '' } = await this.#call({
      kind: 'lookup',
      queueName,
      run: (options) => this.#client.send(new GetQueueUrlCommand(input), options),
    });
    return QueueUrl;
  }

  async #callBatch(call: Call<{ Failed?: BatchResultErrorEntry[] | undefined }>): Promise<FailedEntries> {
    const { Failed = [] } = await this.#call(call);
    return new Map(
      Failed.map(({ Id, SenderFault = false, Message, Code = 'failed' }) => [
        Number(Id),
        { isFinal: SenderFault, error: this.#failure(new Error(Message ?? Code), call.kind, call.queueName) },
      ]),
    );
  }

  /** Makes a call with a time limit, since some calls hang for hours (sqs-consumer#137). */
  async #call<T>({ kind, queueName, run, timeoutMs = callTimeoutMs, signal }: Call<T>): Promise<T> {
    this.counts[kind]++;
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    const late = new Error(`no answer from SQS within ${timeoutMs / 1000} s`);
    const cancel = this.#clock.after(timeoutMs, () => controller.abort(late));
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    try {
      return await run({ abortSignal: controller.signal });
    } catch (error) {
      throw this.#failure(controller.signal.reason === late ? late : error, kind, queueName);
    } finally {
      cancel();
      signal?.removeEventListener('abort', abort);
    }
  }

  #failure(cause: unknown, kind: CallKind, queueName: string | undefined): Error {
    return failureOf(cause, { action: actions[kind], queueName, region: this.#region });
  }
}

/** Sockets of one client: those of the SDK's own agents. */
const mostSockets = 50;

function createClient({ region, credentials, endpoint, proxy = {} }: SqsOptions): SQSClient {
  // Node 22.21 or later goes through the proxy; an earlier one ignores it.
  const agentOptions = { keepAlive: true, maxSockets: mostSockets, proxyEnv: proxy };
  return new SQSClient({
    region,
    ...(credentials && { credentials }),
    ...(endpoint !== undefined && { endpoint }),
    // Otherwise the host in a queue's URL overrides the configured endpoint (nestjs-sqs#78).
    useQueueUrlAsEndpoint: false,
    // Callers retry in their own ways, and every call is counted.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      httpAgent: new HttpAgent(agentOptions),
      httpsAgent: new HttpsAgent(agentOptions),
    },
  });
}
