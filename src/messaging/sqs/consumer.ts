// A subscription to one queue: looks the queue up, polls it, and creates it again if it is deleted.
import { sleep } from '../../clock.ts';
import { BrokerRefusedError, toError } from '../../errors.ts';
import type { AdapterContext, Consumer, ConsumeOptions, Delivery } from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import { Patience } from '../patience.ts';
import type { SqsApi } from './api.ts';
import { DeadLetterSender } from './dead-letter.ts';
import { isMissingQueue } from './failure.ts';
import { InFlightMessages } from './in-flight.ts';
import { patienceMs, timingOf, type SqsOptions } from './options.ts';
import { Poller } from './poller.ts';
import { wireName, type QueueRegister, type Source } from './queue.ts';
import type { Sender } from './sender.ts';

/** The queue to consume, and the parts of the connection that a consumer uses. */
export interface SqsConsumerOptions extends ConsumeOptions {
  readonly api: SqsApi;
  readonly context: AdapterContext;
  readonly register: QueueRegister;
  readonly sender: Sender;
  readonly settings: SqsOptions;
  readonly queueName: string;
  readonly onDelivery: (delivery: Delivery) => void;
}

/** Consumes one queue. */
export class SqsConsumer implements Consumer {
  /** As SQS spells it. */
  readonly queueName: string;
  readonly #options: SqsConsumerOptions;
  readonly #draining = new AbortController();
  /** Aborted when nothing arrives any more: what is requeued earlier would come back. */
  readonly #drained = new AbortController();
  readonly #patience: Patience;
  #poller: Poller | undefined;
  #inFlight: InFlightMessages | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: SqsConsumerOptions) {
    this.queueName = wireName(options.queueName);
    this.#options = options;
    this.#patience = new Patience(options.context.clock, patienceMs);
  }

  /** How many messages this consumer holds, with or without an outcome. */
  get size(): number {
    return this.#inFlight?.size ?? 0;
  }

  /** Resolves when the first delivery can arrive; rejects with a BrokerRefusedError if it never will. */
  async start(): Promise<void> {
    let failures = 0;
    while (!this.#draining.signal.aborted) {
      try {
        await this.#open();
        return;
      } catch (error) {
        if (error instanceof BrokerRefusedError) throw error;
        failures++;
        this.#report(toError(error), failures);
        await sleep(this.#options.context.clock, backoffMs(failures), this.#draining.signal);
      }
    }
  }

  async drain(): Promise<void> {
    this.#draining.abort();
    this.#inFlight?.drain();
    await this.#poller?.drain();
    this.#drained.abort();
  }

  async stop(): Promise<void> {
    this.#stopped ??= this.drain().then(() => this.#inFlight?.stop());
    await this.#stopped;
  }

  async #open(): Promise<void> {
    const { api, context, register } = this.#options;
    const queue = await register.ensure(this.queueName);
    const { visibilityTimeoutS, redrive } = await register.facts(queue);
    if (this.#draining.signal.aborted) return;
    const source: Source = { queue, api, context, timing: this.#timing(visibilityTimeoutS) };
    const drained = this.#drained.signal;
    const deadLetters = new DeadLetterSender({ ...this.#options, source, redrive, drained });
    this.#inFlight = this.#holdMessages(source, deadLetters);
    this.#poller = this.#pollFor(this.#inFlight, source);
    this.#poller.poke();
  }

  #timing(queueTimeoutS: number): Source['timing'] {
    const { tuning, settings, context } = this.#options;
    return timingOf({
      tuning,
      options: settings,
      queueTimeoutS,
      onChange: (timing) => context.log.info({ queue: this.queueName, ...timing }, 'consume config changed'),
    });
  }

  #holdMessages(source: Source, deadLetters: DeadLetterSender): InFlightMessages {
    const { concurrency, onDelivery, settings } = this.#options;
    return new InFlightMessages({
      source,
      deadLetters,
      concurrency,
      unwrapSns: settings.unwrapSns ?? false,
      onDelivery,
      onRoom: () => this.#poller?.poke(),
    });
  }

  #pollFor(inFlight: InFlightMessages, source: Source): Poller {
    const { concurrency, onFailure } = this.#options;
    return new Poller({
      source,
      concurrency,
      load: () => inFlight.load,
      onMessages: (messages, poll) => {
        this.#patience.renew();
        inFlight.take(messages, poll);
      },
      onError: (error, failures) => this.#recover(source, error, failures),
      onFailure,
    });
  }

  /** Handles a failed poll: creates the queue again if it is gone. Throws if SQS has been refusing for too long. */
  async #recover(source: Source, failure: Error, failures: number): Promise<void> {
    this.#report(failure, failures);
    const error = isMissingQueue(failure) ? await this.#recreate(source, failures) : failure;
    if (!(error instanceof BrokerRefusedError)) this.#patience.renew();
    else if (this.#patience.refused()) throw error;
  }

  /** Returns why the queue could not be created again; undefined if it could. */
  async #recreate(source: Source, failures: number): Promise<Error | undefined> {
    const { register } = this.#options;
    register.forget(this.queueName);
    try {
      source.queue = await register.ensure(this.queueName);
      return undefined;
    } catch (thrown) {
      const error = toError(thrown);
      this.#report(error, failures);
      return error;
    }
  }

  #report(error: Error, failures: number): void {
    this.#options.context.emit({ kind: 'consumer-lost', queue: this.queueName, failures, error });
  }
}
