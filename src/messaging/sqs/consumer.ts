// A subscription to one queue: looks it up, polls it, and ends in order. What it holds is in holding.ts.
import { sleep, within } from '../../clock.ts';
import { BrokerRefusedError, toError } from '../../errors.ts';
import type { AdapterContext, Consumer, ConsumeOptions, Delivery } from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import { Graveyard } from './dead-letter.ts';
import { describeFailure, isMissingQueue, refusalOf } from './failure.ts';
import { Holding } from './holding.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { SqsOptions } from './options.ts';
import { paceOf } from './pace.ts';
import { Patience } from './patience.ts';
import { Poller } from './poller.ts';
import { wireName } from './queue-name.ts';
import type { QueueRegister, SqsQueue } from './queue.ts';
import type { Senders } from './senders.ts';
import { Teller } from './teller.ts';

/** How long SQS may take to be told what goes back at the end, in milliseconds. */
const goodbyeMs = 5_000;

/** What a consumer works with; the connection's. */
export interface ConsumerTools {
  readonly register: QueueRegister;
  readonly senders: Senders;
  readonly options: SqsOptions;
}

export class SqsConsumer implements Consumer {
  readonly queueName: string;
  readonly #tools: ConsumerTools;
  readonly #onDelivery: (delivery: Delivery) => void;
  readonly #options: ConsumeOptions;
  readonly #context: AdapterContext;
  readonly #draining = new AbortController();
  readonly #patience: Patience;
  #queue: SqsQueue | undefined;
  #poller: Poller | undefined;
  #holding: Holding | undefined;
  #teller: Teller | undefined;
  #keeper: LeaseKeeper | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    tools: ConsumerTools,
    queueName: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions,
  ) {
    this.queueName = wireName(queueName);
    this.#tools = tools;
    this.#context = tools.register.context;
    this.#patience = new Patience(this.#context.clock);
    this.#onDelivery = onDelivery;
    this.#options = options;
  }

  /** How many of the queue's messages are with us. */
  get size(): number {
    return this.#holding?.size ?? 0;
  }

  /** Resolves when the first delivery can arrive; rejects with a BrokerRefusedError where it never will. */
  async start(): Promise<void> {
    for (let failures = 1; !this.#draining.signal.aborted; failures++) {
      try {
        await this.#open();
        return;
      } catch (error) {
        if (error instanceof BrokerRefusedError) throw error;
        this.#warn(error, failures, 'cannot reach the queue; trying again');
        await sleep(this.#context.clock, backoffMs(failures), this.#draining.signal);
      }
    }
  }

  async drain(): Promise<void> {
    this.#draining.abort();
    this.#holding?.drain();
    await this.#poller?.drain();
  }

  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.drain();
    if (this.#holding) await within(this.#context.clock, goodbyeMs, this.#holding.release());
    this.#holding?.abandon();
    this.#teller?.stop();
    this.#keeper?.stop();
  }

  async #open(): Promise<void> {
    const { register, senders, options } = this.#tools;
    this.#queue = await register.ensure(this.queueName);
    const facts = await register.facts(this.#queue);
    if (this.#draining.signal.aborted) return;
    const queue = (): SqsQueue => this.#current();
    const { api } = register;
    const context = this.#context;
    const { queueName } = this;
    const pace = paceOf(this.#options.pace, options, facts.visibilityTimeoutS, (changed) =>
      context.log.info({ queue: queueName, ...changed }, 'consume config changed'),
    );
    const graveyard = new Graveyard(
      register,
      senders,
      queueName,
      this.#options.deadLetterQueueName,
      facts.redrive,
    );
    const keeper = new LeaseKeeper(api, context, queue, pace);
    const teller = new Teller(api, context, queue);
    const holding = new Holding({
      context,
      queueName,
      isFifo: this.#queue.isFifo,
      unwrapSns: options.unwrapSns ?? false,
      concurrency: this.#options.concurrency,
      teller,
      keeper,
      graveyard,
      onDelivery: this.#onDelivery,
      onRoom: () => poller.poke(),
    });
    const poller = new Poller({
      api,
      context,
      queue,
      pace,
      concurrency: this.#options.concurrency,
      load: () => holding.load,
      onMessages: (messages, poll) => {
        this.#patience.renew();
        holding.take(messages, poll);
      },
      onError: (error, failures) => this.#recover(error, failures),
      onFailure: this.#options.onFailure,
    });
    this.#keeper = keeper;
    this.#teller = teller;
    this.#holding = holding;
    this.#poller = poller;
    poller.poke();
  }

  /** After a failed poll: a queue that is gone is made again. Throws where SQS has been refusing us for too long. */
  async #recover(error: unknown, failures: number): Promise<void> {
    this.#warn(error, failures, 'cannot receive; trying again');
    let latest = error;
    if (isMissingQueue(error)) {
      this.#tools.register.forget(this.queueName);
      try {
        this.#queue = await this.#tools.register.ensure(this.queueName);
        return;
      } catch (failure) {
        this.#warn(failure, failures, 'queue not made again; trying again');
        latest = failure;
      }
    }
    const refusal = latest instanceof BrokerRefusedError ? latest : refusalOf(latest, this.#place);
    if (!refusal) this.#patience.renew();
    else if (this.#patience.isOver()) throw refusal;
  }

  #current(): SqsQueue {
    if (!this.#queue) throw new Error('the queue is not open yet');
    return this.#queue;
  }

  get #place() {
    return {
      action: 'ReceiveMessage',
      queueName: this.queueName,
      region: this.#tools.register.api.region,
    };
  }

  #warn(error: unknown, failures: number, message: string): void {
    const reason =
      error instanceof BrokerRefusedError ? error.message : describeFailure(toError(error), this.#place);
    this.#context.log.warn({ queue: this.queueName, failures, reason }, message);
  }
}
