// Sends messages: those to one queue share calls, but each is confirmed or refused on its own.
import { sleep } from '../../clock.ts';
import {
  BrokerRefusedError,
  MessageRefusedError,
  SendError,
  toError,
  UnroutableError,
} from '../../errors.ts';
import type { AdapterContext } from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import type { FailedEntries, SqsApi } from './api.ts';
import { largestMessageBytes } from './attribute.ts';
import { mostEntries } from './batch.ts';
import { isMissingQueue, isRefusedContent } from './failure.ts';
import { outgoingSize, type Outgoing } from './outgoing.ts';
import type { SqsQueue } from './queue.ts';

/** How many times a call is made before its messages count as not sent. */
const mostTries = 4;

/** The largest number of concurrent calls to one queue; to a FIFO queue only one, to keep the order. */
const mostCalls = 8;

/** The parts of the connection that a sender uses. */
export interface SenderOptions {
  readonly api: SqsApi;
  readonly clock: AdapterContext['clock'];
}

/** Sends the messages of one connection. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #closed = new AbortController();
  readonly #lines = new Map<string, Line>();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /**
   * Resolves when SQS has the message.
   *
   * @throws UnroutableError the queue is gone
   * @throws MessageRefusedError SQS refuses the message
   * @throws SendError SQS did not confirm it in four tries, but may still have it
   */
  async send(queue: SqsQueue, message: Outgoing): Promise<void> {
    let line = this.#lines.get(queue.url);
    if (!line) {
      line = new Line({ ...this.#options, queue, closed: this.#closed.signal });
      this.#lines.set(queue.url, line);
    }
    await line.send(message);
  }

  /** From now on, no call is tried again. */
  close(): void {
    this.#closed.abort();
  }
}

interface LineOptions extends SenderOptions {
  readonly queue: SqsQueue;
  readonly closed: AbortSignal;
}

interface Waiting {
  readonly message: Outgoing;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A message that SQS has not taken, and why. */
interface Unsent extends Waiting {
  readonly error: Error;
}

/** The messages on their way to one queue. */
class Line {
  readonly #options: LineOptions;
  #waiting: Waiting[] = [];
  #calls = 0;
  #isStarting = false;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  send(message: Outgoing): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, resolve, reject });
      this.#startSoon();
    });
  }

  /** Messages that are sent in the same turn share a call. */
  #startSoon(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    queueMicrotask(() => {
      this.#isStarting = false;
      this.#start();
    });
  }

  #start(): void {
    const most = this.#options.queue.isFifo ? 1 : mostCalls;
    while (this.#calls < most && this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#fitting());
      this.#calls++;
      void this.#sendBatch(batch).finally(() => {
        this.#calls--;
        this.#start();
      });
    }
  }

  /** How many of the waiting messages fit into one call. */
  #fitting(): number {
    let size = 0;
    for (const [index, { message }] of this.#waiting.slice(0, mostEntries).entries()) {
      size += outgoingSize(message);
      if (size > largestMessageBytes) return Math.max(1, index);
    }
    return mostEntries;
  }

  /** Never rejects: each message is resolved or rejected on its own. */
  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    const { clock, closed } = this.#options;
    let unsent = await this.#try(batch);
    for (let tries = 1; tries < mostTries && unsent.length > 0 && !closed.aborted; tries++) {
      if (unsent.some(({ error }) => isHopeless(error))) break;
      await sleep(clock, backoffMs(tries), closed);
      unsent = await this.#try(unsent);
    }
    for (const { reject, error } of unsent) reject(this.#notSent(error));
  }

  /** Makes one call. Returns the messages to be sent again. */
  async #try(batch: readonly Waiting[]): Promise<Unsent[]> {
    const { api, queue } = this.#options;
    const messages = batch.map(({ message }) => message);
    try {
      return this.#settle(batch, await api.sendBatch(queue, messages));
    } catch (thrown) {
      const error = toError(thrown);
      if (isRefusedContent(error)) return await this.#divide(batch, error);
      return batch.map((waiting) => ({ ...waiting, error }));
    }
  }

  /** Sends the halves of a batch that SQS refuses as a whole, until it is clear which messages it refuses. */
  async #divide(batch: readonly Waiting[], error: Error): Promise<Unsent[]> {
    if (batch.length <= 1) {
      for (const { reject } of batch) reject(this.#refused(error));
      return [];
    }
    const middle = Math.ceil(batch.length / 2);
    const first = await this.#try(batch.slice(0, middle));
    return [...first, ...(await this.#try(batch.slice(middle)))];
  }

  #settle(batch: readonly Waiting[], failed: FailedEntries): Unsent[] {
    const unsent: Unsent[] = [];
    for (const [index, waiting] of batch.entries()) {
      const failure = failed.get(index);
      if (!failure) waiting.resolve();
      else if (failure.isFinal) waiting.reject(this.#refused(failure.error));
      else unsent.push({ ...waiting, error: failure.error });
    }
    return unsent;
  }

  #refused(cause: Error): SendError {
    const { name } = this.#options.queue;
    return new MessageRefusedError(name, `not sent to queue "${name}": ${cause.message}`, {
      canShrink: true,
      cause,
    });
  }

  #notSent(cause: Error): SendError {
    const { name } = this.#options.queue;
    if (isMissingQueue(cause)) return new UnroutableError(name);
    return new SendError(name, `not sent to queue "${name}": ${cause.message}`, { cause });
  }
}

function isHopeless(error: Error): boolean {
  return isMissingQueue(error) || error instanceof BrokerRefusedError;
}
