// Asks SQS for messages as long as there is room: one poll while the queue is quiet, more only while it is full.
import { randomUUID } from 'node:crypto';
import type { Message } from '@aws-sdk/client-sqs';
import { toError } from '../../errors.ts';
import { backoffMs } from '../backoff.ts';
import { mostEntries } from './batch.ts';
import type { Source } from './queue.ts';

/** How long a poll of a full queue waits for room for a whole batch, in milliseconds: SQS is paid by the call. */
const wholeBatchWaitMs = 50;

/**
 * The least time between the starts of an empty poll and the next, in milliseconds: polls that do not wait would spin.
 */
const emptyPollMs = 1_000;

/** The largest number of concurrent polls. */
const mostPolls = 10;

/** The poll that brought an answer. */
export interface AnsweredPoll {
  /** When the poll began, by `Clock.elapsed`. */
  readonly startedAt: number;
  readonly visibilityTimeoutS: number;
}

/** The queue to poll, and the listeners of answers and failures. */
export interface PollerOptions {
  readonly source: Source;
  readonly concurrency: number;
  /** How much of the concurrency is taken. */
  readonly load: () => number;
  /** Called with each answer, also with one that arrives while draining. */
  readonly onMessages: (messages: readonly Message[], poll: AnsweredPoll) => void;
  /** Called with each failure, before the pause that follows it; rejects if polling again makes no sense. */
  readonly onError: (error: Error, failures: number) => Promise<void>;
  /** Called once if polling has ended for good. */
  readonly onFailure: (error: Error) => void;
}

/** Polls one queue. */
export class Poller {
  readonly #options: PollerOptions;
  readonly #draining = new AbortController();
  readonly #polls = new Set<Promise<void>>();
  /** The room that the open polls may fill. */
  #reserved = 0;
  #isBusy = false;
  #isPaused = false;
  #failures = 0;
  #attemptId: string | undefined;
  #cancelWait: (() => void) | undefined;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  /** Polls if there is room. Must be called whenever there may be more room. */
  poke(): void {
    const { concurrency, load } = this.#options;
    const full = Math.min(mostEntries, concurrency);
    while (!this.#isDraining && !this.#isPaused && this.#polls.size < this.#mostPolls()) {
      const room = concurrency - load() - this.#reserved;
      if (room <= 0) return;
      if (this.#isBusy && room < full && load() > 0) return this.#waitForRoom();
      this.#start(Math.min(mostEntries, room));
    }
  }

  /** Aborts the open polls. Resolves when nothing can arrive any more. */
  async drain(): Promise<void> {
    this.#draining.abort();
    this.#cancelWait?.();
    await Promise.all(this.#polls);
  }

  get #isDraining(): boolean {
    return this.#draining.signal.aborted;
  }

  /** A FIFO queue repeats a lost answer, but only if no other poll came in between. */
  #mostPolls(): number {
    return this.#isBusy && !this.#options.source.queue.isFifo ? mostPolls : 1;
  }

  #waitForRoom(): void {
    this.#cancelWait ??= this.#options.source.context.clock.after(wholeBatchWaitMs, () => {
      this.#cancelWait = undefined;
      // One poll, with whatever room there is.
      this.#isBusy = false;
      this.poke();
    });
  }

  #start(most: number): void {
    this.#reserved += most;
    const poll = this.#poll(most).finally(() => {
      this.#polls.delete(poll);
      this.poke();
    });
    this.#polls.add(poll);
  }

  /** Never rejects. */
  async #poll(most: number): Promise<void> {
    const { source, onMessages } = this.#options;
    const { api, queue, context, timing } = source;
    const { visibilityTimeoutS, listenIntervalS: waitS } = timing();
    const startedAt = context.clock.elapsed();
    const { signal } = this.#draining;
    if (queue.isFifo) this.#attemptId ??= randomUUID();
    const attemptId = this.#attemptId;
    try {
      const messages = await api.receive(queue, { most, waitS, visibilityTimeoutS, attemptId, signal });
      // Not earlier: the messages take this room right below, and no other poll may ask for it.
      this.#reserved -= most;
      this.#attemptId = undefined;
      this.#failures = 0;
      this.#isBusy = messages.length > 0 && messages.length * 2 >= most;
      onMessages(messages, { startedAt, visibilityTimeoutS });
      if (messages.length === 0) this.#rest(startedAt + emptyPollMs - context.clock.elapsed());
    } catch (error) {
      this.#reserved -= most;
      // Not awaited: a drain must not wait until a deleted queue has been created again.
      if (!signal.aborted) void this.#fail(toError(error));
    }
  }

  /** Pauses after a failure of any kind (sqs-consumer#484). Never rejects. */
  async #fail(error: Error): Promise<void> {
    const { onError, onFailure } = this.#options;
    const wasPaused = this.#isPaused;
    this.#isPaused = true;
    this.#isBusy = false;
    // Polls that fail together count as one failure.
    if (!wasPaused) this.#failures++;
    // Ask for the same answer once more, but not for ever.
    if (this.#failures > 1) this.#attemptId = undefined;
    try {
      await onError(error, this.#failures);
    } catch (refusal) {
      if (this.#isDraining) return;
      this.#draining.abort();
      onFailure(toError(refusal));
      return;
    }
    if (!wasPaused && !this.#isDraining) this.#resumeIn(backoffMs(this.#failures));
  }

  /** Pauses after an empty poll, unless another poll is open, which may find something. */
  #rest(delayMs: number): void {
    if (delayMs <= 0 || this.#polls.size > 1 || this.#isPaused || this.#isDraining) return;
    this.#isPaused = true;
    this.#resumeIn(delayMs);
  }

  #resumeIn(delayMs: number): void {
    this.#cancelWait?.();
    this.#cancelWait = this.#options.source.context.clock.after(delayMs, () => {
      this.#cancelWait = undefined;
      this.#isPaused = false;
      this.poke();
    });
  }
}
