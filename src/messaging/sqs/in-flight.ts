// The messages that one consumer holds: delivered, waiting behind others of their group, or with an unconfirmed
// outcome.
import type { Message } from '@aws-sdk/client-sqs';
import { within } from '../../clock.ts';
import { toError } from '../../errors.ts';
import type { Delivery, OnHeld, Outcome } from '../adapter.ts';
import type { DeadLetterSender } from './dead-letter.ts';
import { GroupOrder } from './group.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { Lease } from './lease.ts';
import type { AnsweredPoll } from './poller.ts';
import type { Source } from './queue.ts';
import { readMessage, SqsDelivery } from './received.ts';
import { Settlement } from './settlement.ts';

/** How long SQS may take to requeue the remaining messages at the end, in milliseconds. */
const goodbyeMs = 5_000;

/** The queue, the dead-letter sender, and the listener of deliveries. */
export interface InFlightOptions {
  readonly source: Source;
  readonly concurrency: number;
  readonly unwrapSns: boolean;
  readonly deadLetters: DeadLetterSender;
  readonly onDelivery: (delivery: Delivery) => void;
  /** Called when there may be room for more messages. */
  readonly onRoom: () => void;
}

/** All that one consumer holds. */
export class InFlightMessages {
  readonly #options: InFlightOptions;
  readonly #keeper: LeaseKeeper;
  readonly #settlement: Settlement;
  /** Messages that wait behind others of their group. */
  readonly #groups = new GroupOrder<Lease>();
  /** Delivered, without an outcome yet. */
  readonly #delivered = new Set<Lease>();
  /** All of them by SQS's id, including those whose outcome SQS has yet to confirm. */
  readonly #held = new Map<string, Lease>();
  readonly #settling = new Set<Promise<boolean>>();
  /** How many cannot be moved, and take no room from others. */
  #unmovable = 0;
  #isDraining = false;

  constructor(options: InFlightOptions) {
    const { source, deadLetters } = options;
    this.#options = options;
    this.#keeper = new LeaseKeeper(source);
    this.#settlement = new Settlement({
      source,
      keeper: this.#keeper,
      deadLetters,
      isBusy: () => this.#delivered.size > 0,
    });
  }

  /**
   * How much of the concurrency is taken by messages without an outcome. If SQS is slow to confirm outcomes, the
   * messages that wait for it count as well, but only those beyond the concurrency.
   */
  get load(): number {
    const withoutOutcome = this.#delivered.size + this.#groups.waiting;
    return Math.max(withoutOutcome, this.#held.size - this.#unmovable - this.#options.concurrency);
  }

  /** How many messages are held in all. */
  get size(): number {
    return this.#held.size;
  }

  /** Takes the messages of an answer, and delivers those that need not wait for others. */
  take(messages: readonly Message[], poll: AnsweredPoll): void {
    for (const message of messages) this.#take(message, poll);
  }

  /**
   * Delivers the messages that wait behind others of their group, the last first: the draining service requeues them.
   * Idempotent.
   */
  drain(): void {
    this.#isDraining = true;
    for (const lease of this.#groups.drain().reverse()) this.#deliver(lease);
  }

  /** Requeues all messages without an outcome, the last first, and gives up those that SQS does not confirm in time. */
  async stop(): Promise<void> {
    this.drain();
    const unsettled = [...this.#held.values()].filter((lease) => this.#delivered.has(lease)).reverse();
    for (const lease of unsettled) void this.#requeue(lease);
    await within(this.#options.source.context.clock, goodbyeMs, Promise.allSettled(this.#settling));
    const late = unsettled.filter((lease) => this.#isHeld(lease));
    if (late.length > 0)
      this.#reportUnrequeued(late.length, new Error(`no answer from SQS within ${goodbyeMs / 1000} s`));
    for (const lease of this.#held.values()) lease.lose('the consumer has stopped');
    this.#settlement.stop();
    this.#keeper.stop();
  }

  #take(message: Message, { startedAt, visibilityTimeoutS }: AnsweredPoll): void {
    const { clock } = this.#options.source.context;
    const received = readMessage(message, clock.now());
    const { sqsMessageId, receiptHandle } = received;
    if (this.#settlement.renewHandle(sqsMessageId, receiptHandle)) return;
    const earlier = this.#held.get(sqsMessageId);
    if (earlier) this.#keeper.lose(earlier, 'SQS has delivered the message again');
    const timeoutMs = visibilityTimeoutS * 1000;
    // A long poll mostly waits, so the lease did not begin with it; the answer may still have taken a while to arrive.
    const arrivedAfter = clock.elapsed() - timeoutMs * 0.1;
    const lease = new Lease({ received, startedAt: Math.max(startedAt, arrivedAfter), timeoutMs });
    this.#held.set(sqsMessageId, lease);
    this.#keeper.keep(lease);
    if (this.#mayStart(lease)) this.#deliver(lease);
  }

  /** Messages of one group run one at a time, in order; on standard queues, groups have no order. */
  #mayStart(lease: Lease): boolean {
    const { group } = lease.received;
    if (this.#isDraining || group === undefined || !this.#options.source.queue.isFifo) return true;
    return this.#groups.add(group, lease);
  }

  #deliver(lease: Lease): void {
    const { onDelivery, unwrapSns } = this.#options;
    const { received, lost } = lease;
    this.#delivered.add(lease);
    onDelivery(
      new SqsDelivery({
        received,
        lost,
        unwrapSns,
        settle: (outcome, onHeld) => this.#settle(lease, outcome, onHeld),
      }),
    );
  }

  /** Records the outcome of a delivery, then starts or requeues those that wait behind it. */
  async #settle(lease: Lease, outcome: Outcome, onHeld: OnHeld | undefined): Promise<boolean> {
    // Requeued by `stop`.
    if (!this.#delivered.delete(lease)) return false;
    const isFinal = outcome.kind === 'done' || outcome.kind === 'dead';
    // SQS withholds a group while one of its messages is in flight, so the later ones can be requeued first.
    if (!isFinal) this.#requeueBehind(lease);
    const isSettled = await this.#record(lease, outcome, onHeld);
    if (isFinal && isSettled) this.#startNext(lease);
    else if (isFinal) this.#requeueBehind(lease);
    return isSettled;
  }

  async #record(lease: Lease, outcome: Outcome, onHeld?: OnHeld): Promise<boolean> {
    const onPlace = (isFree: boolean) => this.#onPlace(lease, isFree);
    const settling = this.#settlement.settle(lease, outcome, { onHeld, onPlace });
    this.#settling.add(settling);
    this.#options.onRoom();
    try {
      return await settling;
    } finally {
      this.#settling.delete(settling);
      if (this.#isHeld(lease)) this.#held.delete(lease.received.sqsMessageId);
      this.#options.onRoom();
    }
  }

  /** A message that cannot be moved gives up its place. SQS withholds the rest of its group, so that waits there. */
  #onPlace(lease: Lease, isFree: boolean): void {
    this.#unmovable += isFree ? 1 : -1;
    if (isFree) this.#requeueBehind(lease);
    this.#options.onRoom();
  }

  /** False if the message has been delivered again since, under another lease. */
  #isHeld(lease: Lease): boolean {
    return this.#held.get(lease.received.sqsMessageId) === lease;
  }

  #startNext({ received: { group } }: Lease): void {
    const next = group === undefined ? undefined : this.#groups.next(group);
    if (next === undefined) return;
    if (!next.isLost) return this.#deliver(next);
    this.#requeueBehind(next);
    void this.#requeue(next);
  }

  /** Requeues the messages that wait behind this one, which they must not overtake; the last first. */
  #requeueBehind({ received: { group } }: Lease): void {
    const waiting = group === undefined ? [] : this.#groups.fail(group);
    for (const lease of waiting.reverse()) void this.#requeue(lease);
  }

  /** Requeues a message that never became a delivery, or that the service has not settled. Never rejects. */
  async #requeue(lease: Lease): Promise<void> {
    this.#delivered.delete(lease);
    try {
      await this.#record(lease, { kind: 'requeue' });
    } catch (error) {
      this.#reportUnrequeued(1, toError(error));
    }
    lease.lose('it was requeued');
  }

  #reportUnrequeued(deliveries: number, error: Error): void {
    const { queue, context } = this.#options.source;
    context.emit({ kind: 'requeue-failed', queue: queue.name, deliveries, error });
  }
}
