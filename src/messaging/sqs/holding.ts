// All that one consumer holds: who is in work, who waits behind whom, and what is told to SQS of each at its end.
import type { Message } from '@aws-sdk/client-sqs';
import { toError } from '../../errors.ts';
import type { AdapterContext, Delivery, Outcome } from '../adapter.ts';
import type { Graveyard } from './dead-letter.ts';
import { SqsDelivery } from './delivery.ts';
import { GroupOrder } from './group.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import { Lease } from './lease.ts';
import type { AnsweredPoll } from './poller.ts';
import { readMessage, type Received } from './received.ts';
import type { Teller } from './teller.ts';

export interface HoldingOptions {
  readonly context: AdapterContext;
  readonly queueName: string;
  readonly isFifo: boolean;
  readonly unwrapSns: boolean;
  readonly concurrency: number;
  readonly teller: Teller;
  readonly keeper: LeaseKeeper;
  readonly graveyard: Graveyard;
  readonly onDelivery: (delivery: Delivery) => void;
  /** Told when there may be room for more. */
  readonly onRoom: () => void;
}

interface Item {
  readonly lease: Lease;
  readonly received: Received;
}

export class Holding {
  readonly #options: HoldingOptions;
  readonly #groups = new GroupOrder<Item>();
  /** Received, and no outcome told: handed out, or waiting behind others of its group. */
  readonly #inWork = new Set<Item>();
  readonly #handedOut = new Set<Item>();
  /** By SQS's message id; those included of which SQS has yet to be told. */
  readonly #held = new Map<string, Item>();
  readonly #settling = new Set<Promise<void>>();
  #isDraining = false;
  #isHurrying = false;

  constructor(options: HoldingOptions) {
    this.#options = options;
  }

  /**
   * How much of the concurrency is taken: deliveries there is no outcome of. Where SQS is slow to be told, also what it
   * has not confirmed, beyond as much again.
   */
  get load(): number {
    return Math.max(this.#inWork.size, this.#held.size - this.#options.concurrency);
  }

  /** How many messages are with us in all. */
  get size(): number {
    return this.#held.size;
  }

  take(messages: readonly Message[], poll: AnsweredPoll): void {
    for (const message of messages) this.#take(message, poll);
  }

  /** Nothing is handed out from now on; what waits behind others goes back. Idempotent. */
  drain(): void {
    this.#isDraining = true;
    for (const item of this.#groups.drain().reverse()) this.#giveBack(item);
  }

  /** Gives back all of which there is no outcome. Resolves when SQS has been told of all. */
  async release(): Promise<void> {
    this.drain();
    for (const item of [...this.#inWork].reverse()) this.#giveBack(item);
    await Promise.allSettled(this.#settling);
  }

  /** Lets go of all that SQS has not been told of: it delivers that again when the lease ends. */
  abandon(): void {
    for (const { lease } of this.#held.values()) lease.lose('the consumer has stopped');
  }

  #take(message: Message, { startedAt, visibilityTimeoutS }: AnsweredPoll): void {
    const { context, keeper, teller } = this.#options;
    const { MessageId: id = '', ReceiptHandle: handle = '' } = message;
    if (teller.renewHandle(id, handle)) return;
    const earlier = this.#held.get(id);
    if (earlier) keeper.lose(earlier.lease, 'SQS has given it out once more');
    const now = context.clock.now();
    const timeoutMs = visibilityTimeoutS * 1000;
    // The answer may have been on its way for a while, but a long poll has mostly waited.
    const receivedAt = Math.max(startedAt, now - timeoutMs * 0.1);
    const item = {
      lease: new Lease(message, handle, receivedAt, timeoutMs),
      received: readMessage(message, now),
    };
    this.#held.set(id, item);
    this.#inWork.add(item);
    keeper.keep(item.lease);
    if (this.#isDraining) return this.#giveBack(item);
    const { group } = item.received;
    if (!this.#options.isFifo || group === undefined || this.#groups.add(group, item)) this.#handOut(item);
  }

  #handOut(item: Item): void {
    const { context, onDelivery, queueName, unwrapSns } = this.#options;
    this.#handedOut.add(item);
    const settle = (outcome: Outcome): Promise<void> => this.#settle(item, outcome);
    const delivery = new SqsDelivery(item.lease, item.received, unwrapSns, settle);
    try {
      onDelivery(delivery);
    } catch (error) {
      context.log.error({ queue: queueName, error: toError(error).message }, 'delivery not taken');
      void delivery.settle({ kind: 'requeue' });
    }
  }

  /** Those that were given back have no say any more. */
  #settle(item: Item, outcome: Outcome): Promise<void> {
    if (!this.#leaveWork(item)) return Promise.resolve();
    const told = this.#track(item, this.#tell(item, outcome));
    this.#options.onRoom();
    return told;
  }

  #giveBack(item: Item): void {
    if (!this.#leaveWork(item)) return;
    this.#track(item, this.#makeVisible(item, 0)).catch((error: unknown) => {
      const { context, queueName } = this.#options;
      context.log.warn({ queue: queueName, reason: toError(error).message }, 'message not handed back');
    });
    this.#options.onRoom();
  }

  /** Whether there was no outcome of it yet. */
  #leaveWork(item: Item): boolean {
    this.#handedOut.delete(item);
    return this.#inWork.delete(item);
  }

  async #track(item: Item, telling: Promise<void>): Promise<void> {
    const settling = telling.finally(() => {
      const id = item.lease.message.MessageId ?? '';
      if (this.#held.get(id) === item) this.#held.delete(id);
      this.#settling.delete(settling);
      this.#options.onRoom();
    });
    this.#settling.add(settling);
    await settling;
  }

  async #tell(item: Item, outcome: Outcome): Promise<void> {
    switch (outcome.kind) {
      case 'done': {
        await this.#finish(item);
        return;
      }
      case 'dead':
        if (await this.#options.graveyard.bury(item.lease, item.received, outcome)) await this.#finish(item);
        else this.#abandon(item);
        return;
      case 'retry': {
        await this.#putBack(item, Math.ceil(outcome.delayMs / 1000));
        return;
      }
      case 'requeue': {
        await this.#putBack(item, 0);
        return;
      }
    }
  }

  /** Deletes the message; the next of its group starts when SQS has confirmed it. */
  async #finish(item: Item): Promise<void> {
    const { keeper, teller } = this.#options;
    if (item.lease.isLost) {
      this.#abandon(item);
      return;
    }
    const deleting = teller.delete(item.lease);
    this.#hurry();
    try {
      if (await deleting) this.#startNext(item);
      else this.#failGroup(item);
    } finally {
      await keeper.release(item.lease);
    }
  }

  /** SQS keeps a group's messages back while one of them is with a receiver, so the later ones can go first. */
  async #putBack(item: Item, delayS: number): Promise<void> {
    this.#failGroup(item);
    await this.#makeVisible(item, delayS);
  }

  async #makeVisible({ lease }: Item, delayS: number): Promise<void> {
    const { context, keeper, teller } = this.#options;
    await keeper.release(lease);
    if (lease.isLost) return;
    const told = teller.changeVisibility(lease, Math.min(delayS, lease.longestS(context.clock.now())));
    this.#hurry();
    await told;
  }

  #abandon(item: Item): void {
    const { context, keeper, queueName } = this.#options;
    void keeper.release(item.lease);
    context.log.warn(
      { queue: queueName, messageId: item.received.messageId },
      'outcome not told, the lease was lost; SQS delivers the message again',
    );
    this.#failGroup(item);
  }

  /**
   * What waits for company goes at once when nobody is left who could join it. Not in the same turn: of messages that came
   * together, many end together.
   */
  #hurry(): void {
    if (this.#isHurrying) return;
    this.#isHurrying = true;
    setImmediate(() => {
      this.#isHurrying = false;
      if (this.#handedOut.size === 0) this.#options.teller.flush();
    });
  }

  #startNext(item: Item): void {
    const { group } = item.received;
    if (group === undefined) return;
    const next = this.#groups.next(group);
    if (!next) return;
    if (!next.lease.isLost) return this.#handOut(next);
    this.#failGroup(next);
    this.#giveBack(next);
  }

  /** The later ones of the group must not overtake this one: they go back, the last first. */
  #failGroup({ received: { group } }: Item): void {
    if (group === undefined) return;
    for (const item of this.#groups.fail(group).reverse()) this.#giveBack(item);
  }
}
