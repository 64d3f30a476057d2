// A subscription to one queue that outlives its connections: one session after the other, and the messages it holds.
import type { Msg } from '@nats-io/transport-node';
import { sleep, within } from '../../clock.ts';
import { BrokerRefusedError, toError } from '../../errors.ts';
import type { AdapterContext, Consumer, ConsumeOptions, Delivery } from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import { LossStreak } from '../streak.ts';
import { NatsDelivery } from './delivery.ts';
import { LeaseKeeper, type Lease } from './lease.ts';
import type { Link, OpenLink } from './link.ts';
import { goodbyeMs } from './options.ts';
import type { Publisher } from './publisher.ts';
import { readMessage, storedAt, type Received } from './received.ts';
import { ServerClock } from './server-clock.ts';
import { Session } from './session.ts';
import { Settlement } from './settlement.ts';
import type { Queues } from './stream.ts';

/** The queue to consume, and the parts of the connection that a consumer uses. */
export interface NatsConsumerOptions extends ConsumeOptions {
  readonly link: Link;
  readonly context: AdapterContext;
  readonly queues: Queues;
  readonly publisher: Publisher;
  readonly queueName: string;
  readonly onDelivery: (delivery: Delivery) => void;
}

/** How much too early a copy may come back that has waited at the server, in milliseconds. */
const toleranceMs = 1_000;

/** Consumes one queue. */
export class NatsConsumer implements Consumer {
  readonly queueName: string;
  readonly #options: NatsConsumerOptions;
  readonly #draining = new AbortController();
  /** Aborted when nothing arrives any more: what is requeued earlier would come back. */
  readonly #drained = new AbortController();
  readonly #keeper: LeaseKeeper;
  readonly #settlement: Settlement;
  readonly #serverClock: ServerClock;
  readonly #deliveries = new Map<Lease, NatsDelivery>();
  /** How many cannot be moved, and take no room from others. */
  #unmovable = 0;
  #session: Session | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: NatsConsumerOptions) {
    this.#options = options;
    this.queueName = options.queueName;
    this.#keeper = new LeaseKeeper(options);
    this.#serverClock = new ServerClock(options.context.clock);
    this.#settlement = new Settlement({ ...options, keeper: this.#keeper, drained: this.#drained.signal });
  }

  /** How many of the queue's messages this consumer holds. */
  get size(): number {
    return this.#keeper.size;
  }

  /** Resolves when the first delivery can arrive; rejects with a BrokerRefusedError if it never will. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#supervise(resolve).then(resolve, (error: unknown) => {
        reject(toError(error));
        this.#options.onFailure(toError(error));
      });
    });
  }

  async drain(): Promise<void> {
    this.#draining.abort();
    await this.#session?.drain();
    this.#drained.abort();
  }

  async stop(): Promise<void> {
    this.#stopped ??= this.drain().then(() => this.#requeueAll());
    await this.#stopped;
  }

  /** Opens one session after the other until drained; throws if no further one can work. */
  async #supervise(onOpen: () => void): Promise<void> {
    const { link, context, queueName: queue } = this.#options;
    const { clock, emit } = context;
    const streak = new LossStreak();
    for (;;) {
      const open = await link.opened(this.#draining.signal);
      if (!open || this.#isDraining()) return;
      streak.opened(clock.elapsed());
      const error = await this.#runSession(open, onOpen);
      if (error instanceof BrokerRefusedError) throw error;
      if (this.#isDraining()) return;
      const failures = streak.lost(clock.elapsed());
      emit({ kind: 'consumer-lost', queue, failures, error });
      await sleep(clock, backoffMs(failures), this.#draining.signal);
    }
  }

  /** Consumes over one connection until that ends; returns why. */
  async #runSession(open: OpenLink, onOpen: () => void): Promise<Error> {
    const { queues, context, concurrency, deadLetterQueueName } = this.#options;
    try {
      const consumer = await queues.ensureConsumer(this.queueName, deadLetterQueueName);
      this.#keeper.ackWaitMs = consumer.ackWaitMs;
      if (this.#isDraining()) return new Error('drained');
      const session = new Session({
        open,
        consumer,
        context,
        concurrency,
        room: () => concurrency - this.size + this.#unmovable,
        onMessage: (message) => this.#receive(message),
      });
      this.#session = session;
      await session.start();
      onOpen();
      return await session.ended;
    } catch (error) {
      this.#session?.end(toError(error));
      return toError(error);
    }
  }

  #isDraining(): boolean {
    return this.#draining.signal.aborted;
  }

  /** Delivers a message, also one that arrives during a drain: the service requeues it. */
  #receive(message: Msg): void {
    const received = readMessage(message, this.queueName, this.#options.maxAttempts ?? Infinity);
    const lease = this.#keeper.hold(received);
    const restMs = this.#restMs(received);
    if (restMs > 0) {
      void this.#settlement.nak(lease, restMs).finally(() => this.#release(lease));
      return;
    }
    const { queueName, deadLetterQueueName, context, onDelivery } = this.#options;
    const delivery = new NatsDelivery(lease, {
      queueName,
      deadLetterQueueName,
      context,
      settlement: this.#settlement,
      onPlace: (isFree) => this.#onPlace(isFree),
      onSettled: () => this.#release(lease),
    });
    this.#deliveries.set(lease, delivery);
    // A delivery that was lost frees its place: the service may never settle it.
    lease.signal.addEventListener('abort', () => this.#release(lease), { once: true });
    onDelivery(delivery);
  }

  /**
   * How long a copy must wait yet: by the server's clock, as ours may be set. One that has waited there before, for
   * another host perhaps, is also due if our clock says so, or cannot tell.
   */
  #restMs({ copy, info }: Received): number {
    const stored = storedAt(info);
    this.#serverClock.note(stored);
    if (copy.delayMs === 0) return 0;
    const dueMs = stored.getTime() + copy.delayMs;
    const restMs = Math.ceil(dueMs - this.#serverClock.now());
    if (info.deliveryCount === 1) return Math.max(0, restMs);
    const restOfOursMs = dueMs - this.#options.context.clock.now();
    const isDue = Math.min(restMs, restOfOursMs) <= toleranceMs || restOfOursMs > copy.delayMs;
    return isDue ? 0 : Math.min(restMs, restOfOursMs);
  }

  #onPlace(isFree: boolean): void {
    this.#unmovable += isFree ? 1 : -1;
    this.#session?.pull();
  }

  #release(lease: Lease): void {
    this.#keeper.drop(lease);
    this.#deliveries.delete(lease);
    this.#session?.pull();
  }

  /** Requeues all that is unsettled, and waits for outcomes that are being recorded. */
  async #requeueAll(): Promise<void> {
    const { context, queueName: queue } = this.#options;
    const outcomes = [...this.#deliveries.values()].map((delivery) => delivery.settle({ kind: 'requeue' }));
    await within(context.clock, goodbyeMs, Promise.allSettled(outcomes));
    const deliveries = this.#deliveries.size;
    const error = new Error(`no answer from NATS within ${goodbyeMs / 1000} s`);
    if (deliveries > 0) context.emit({ kind: 'requeue-failed', queue, deliveries, error });
    this.#keeper.end(error);
  }
}
