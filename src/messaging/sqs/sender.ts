// Sends messages: those on their way to one queue share calls. Each is told for itself whether SQS has it.
import { sleep } from '../../clock.ts';
import { SendError, UnroutableError } from '../../errors.ts';
import type { AdapterContext } from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import type { FailedEntries, SqsApi } from './api.ts';
import { mostEntries } from './batch.ts';
import { describeFailure, isMissingQueue, refusalOf } from './failure.ts';
import { outgoingSize, type Outgoing } from './outgoing.ts';
import type { SqsQueue } from './queue.ts';
import { largestMessageBytes } from './text.ts';

/** How often a call is tried in all before the sender is told that it failed. */
const mostTries = 4;

/** Calls under way to one queue at once; to a FIFO queue one, which keeps the order. */
const mostCalls = 8;

interface Waiting {
  readonly message: Outgoing;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The way to one queue. */
export class Sender {
  readonly #api: SqsApi;
  readonly #context: AdapterContext;
  readonly #queue: SqsQueue;
  readonly #closed: AbortSignal;
  #waiting: Waiting[] = [];
  #calls = 0;
  #isPumping = false;

  constructor(api: SqsApi, context: AdapterContext, queue: SqsQueue, closed: AbortSignal) {
    this.#api = api;
    this.#context = context;
    this.#queue = queue;
    this.#closed = closed;
  }

  /** Resolves when SQS has the message; rejects with a SendError, or an UnroutableError where the queue is gone. */
  send(message: Outgoing): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, resolve, reject });
      if (this.#isPumping) return;
      this.#isPumping = true;
      // What is sent in the same go shares a call.
      queueMicrotask(() => {
        this.#isPumping = false;
        this.#pump();
      });
    });
  }

  #pump(): void {
    const most = this.#queue.isFifo ? 1 : mostCalls;
    while (this.#calls < most && this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#fitting());
      this.#calls++;
      void this.#sendBatch(batch).finally(() => {
        this.#calls--;
        this.#pump();
      });
    }
  }

  /** How many of those that wait fit into one call. */
  #fitting(): number {
    let size = 0;
    for (const [index, { message }] of this.#waiting.slice(0, mostEntries).entries()) {
      size += outgoingSize(message);
      if (size > largestMessageBytes) return Math.max(1, index);
    }
    return mostEntries;
  }

  /** Never rejects: each message is told for itself. */
  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    let open = batch;
    let cause: unknown;
    for (let tries = 1; open.length > 0 && tries <= mostTries; tries++) {
      try {
        const messages = open.map(({ message }) => message);
        open = this.#tell(open, await this.#api.sendBatch(this.#queue.url, messages));
        cause = new Error('a part of the batch failed');
      } catch (error) {
        cause = error;
        if (isMissingQueue(error) || this.#refusal(error)) break;
      }
      if (open.length === 0 || this.#closed.aborted || tries === mostTries) break;
      await sleep(this.#context.clock, backoffMs(tries), this.#closed);
    }
    for (const { reject } of open) reject(this.#failure(cause));
  }

  /** Returns the messages to be sent again. */
  #tell(batch: readonly Waiting[], failed: FailedEntries): Waiting[] {
    const again: Waiting[] = [];
    for (const [index, waiting] of batch.entries()) {
      const failure = failed.get(index);
      if (!failure) waiting.resolve();
      else if (failure.SenderFault) waiting.reject(this.#failure(new Error(failure.Message ?? failure.Code)));
      else again.push(waiting);
    }
    return again;
  }

  #refusal(error: unknown) {
    return refusalOf(error, this.#place);
  }

  #failure(cause: unknown): SendError {
    const { name } = this.#queue;
    if (isMissingQueue(cause)) return new UnroutableError(name);
    const reason = describeFailure(cause, this.#place);
    return new SendError(name, `not sent to queue "${name}": ${reason}`, {
      cause: this.#refusal(cause) ?? cause,
    });
  }

  get #place() {
    return { action: 'SendMessage', queueName: this.#queue.name, region: this.#api.region };
  }
}
