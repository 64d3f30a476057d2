// One running subscription: claims what is due while there is room, keeps the leases of what is being worked on, and
// settles it. Owns no transaction and no file.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { BrokerRefusedError, toError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { ConsumeOptions, Consumer, Delivery, Outcome } from '../adapter.ts';
import { deadLetterHeaders, SqliteDelivery } from './delivery.ts';
import { kindOf } from './failure.ts';
import type { ClaimedMessage, MessageStore } from './store.ts';
import type { Writer } from './writer.ts';

/** What a consumer shares with its connection. */
export interface ConsumerContext {
  readonly store: MessageStore;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly leaseMs: number;
  /** Called when the database cannot be used any more. */
  readonly onFailure: (error: unknown) => void;
}

/** How soon to look again after the database could not be read. */
const lookAgainMs = 1000;

/** A running subscription to one queue of a database. */
export class SqliteConsumer implements Consumer {
  readonly queueName: string;
  readonly #context: ConsumerContext;
  readonly #onDelivery: (delivery: Delivery) => void;
  readonly #options: ConsumeOptions;
  readonly #id = randomUUID();
  #claims = 0;
  /** Deliveries whose outcome the database does not know yet: their leases are kept. */
  readonly #held = new Map<string, SqliteDelivery>();
  /** Deliveries whose outcome we do not know yet: their room is taken. */
  #unsettled = 0;
  #claiming: Promise<void> | undefined;
  #draining = false;
  #stopped = false;
  #stopping: Promise<void> | undefined;
  #cancelLook: (() => void) | undefined;
  #cancelRenewal: (() => void) | undefined;
  #renewAt = Infinity;

  constructor(
    queueName: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions,
    context: ConsumerContext,
  ) {
    this.queueName = queueName;
    this.#onDelivery = onDelivery;
    this.#options = options;
    this.#context = context;
  }

  /** Sees whether there is something to claim, and comes back when there will be. May be called at any time. */
  look(): void {
    if (!this.#mayClaim()) return;
    this.#cancelLook?.();
    const { clock } = this.#context;
    const at = this.#nextClaimAt();
    if (at === undefined) return;
    const waitMs = at - clock.now();
    if (waitMs <= 0) this.#claim();
    else this.#cancelLook = clock.after(waitMs, () => this.look());
  }

  async drain(): Promise<void> {
    this.#draining = true;
    this.#cancelLook?.();
    // A claim that waits for a full disk is not waited for.
    if (this.#claiming !== undefined) this.#context.writer.retryNow();
    await this.#claiming;
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.drain().then(() => this.#letGo());
    await this.#stopping;
  }

  /** Ends for good, because the database cannot be used any more. */
  fail(error: Error): void {
    if (this.#stopped) return;
    this.#end();
    this.#options.onFailure(error);
  }

  #mayClaim(): boolean {
    return !this.#draining && this.#claiming === undefined && this.#unsettled < this.#options.concurrency;
  }

  #nextClaimAt(): number | undefined {
    const { store, clock, log, onFailure } = this.#context;
    try {
      return store.nextClaimAt(this.queueName);
    } catch (error) {
      if (kindOf(error) === 'busy' || kindOf(error) === 'passing') {
        log.warn(
          { queue: this.queueName, reason: toError(error).message, retryInMs: lookAgainMs },
          'queue not readable',
        );
        return clock.now() + lookAgainMs;
      }
      onFailure(error);
      return undefined;
    }
  }

  #claim(): void {
    if (!this.#mayClaim()) return;
    const claimed = this.#context.writer.write({
      run: () => this.#take(),
      keepTrying: () => !this.#draining,
    });
    this.#claiming = claimed.then(
      (messages) => this.#deliver(messages),
      (error: unknown) => this.#claimFailed(error),
    );
  }

  /** Runs inside a transaction. */
  #take(): ClaimedMessage[] {
    if (this.#draining) return [];
    const { store, clock, leaseMs } = this.#context;
    const now = Math.floor(clock.now());
    // After the event loop was blocked, or the machine slept, our own leases must not be the first to expire.
    if (now >= this.#renewAt) this.#renewAll(now);
    store.expire(this.queueName, now);
    this.#claims += 1;
    return store.claim({
      queueName: this.queueName,
      limit: this.#options.concurrency - this.#unsettled,
      token: `${this.#id}:${this.#claims}`,
      now,
      until: now + leaseMs,
    });
  }

  #deliver(messages: readonly ClaimedMessage[]): void {
    this.#claiming = undefined;
    const deliveries = messages.map(
      (message) => new SqliteDelivery(message, (...settled) => this.#settle(...settled)),
    );
    for (const delivery of deliveries) this.#held.set(keyOf(delivery), delivery);
    this.#unsettled += deliveries.length;
    if (deliveries.length > 0) this.#renewLater();
    for (const delivery of deliveries) this.#onDelivery(delivery);
    this.look();
  }

  #claimFailed(error: unknown): void {
    this.#claiming = undefined;
    if (kindOf(error) === 'operation' && !this.#draining) this.#context.onFailure(error);
  }

  async #settle(delivery: SqliteDelivery, outcome: Outcome): Promise<void> {
    const { writer, log } = this.#context;
    const fields = this.#fields(delivery, { outcome: outcome.kind });
    if (this.#stopped) {
      log.debug(fields, 'settled too late');
      return;
    }
    this.#unsettled -= 1;
    const written = writer.write({
      run: () => this.#apply(delivery, outcome),
      keepTrying: () => !this.#stopped,
      ...(outcome.kind !== 'done' && {
        wakes: outcome.kind === 'dead' ? this.#options.deadLetterQueueName : this.queueName,
      }),
    });
    // Right behind it, in the same transaction.
    this.#claim();
    try {
      if (!(await written)) log.debug(fields, 'settled too late');
    } catch (error) {
      if (error instanceof BrokerRefusedError) throw error;
      log.warn(
        { ...fields, reason: toError(error).message },
        'outcome lost; message will be delivered again',
      );
    } finally {
      this.#held.delete(keyOf(delivery));
    }
  }

  /** Runs inside a transaction. False where the lease was lost: the message is somebody else's now. */
  #apply({ message }: SqliteDelivery, outcome: Outcome): boolean {
    const { store, clock } = this.#context;
    switch (outcome.kind) {
      case 'done':
        return store.remove(message);
      case 'requeue':
        return store.release(message);
      case 'retry':
        return store.postpone(message, Math.ceil(clock.now() + Math.max(0, outcome.delayMs)));
      case 'dead':
        return store.bury(message, {
          queueName: this.#options.deadLetterQueueName,
          headers: deadLetterHeaders(message, this.queueName, outcome),
          now: Math.floor(clock.now()),
        });
    }
  }

  /** Keeps the leases of all that is held, at a third of their time, so that two renewals may fail. */
  #renewLater(): void {
    if (this.#cancelRenewal !== undefined) return;
    const { clock, leaseMs } = this.#context;
    this.#renewAt = clock.now() + leaseMs / 3;
    this.#cancelRenewal = clock.after(leaseMs / 3, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { writer, clock, log } = this.#context;
    const keepTrying = () => this.#held.size > 0 && !this.#stopped;
    try {
      const lost = await writer.write({ run: () => this.#renewAll(Math.floor(clock.now())), keepTrying });
      for (const delivery of lost) {
        this.#held.delete(keyOf(delivery));
        // One that was settled in the same breath is not lost, but done with.
        if (!delivery.isSettled) log.warn(this.#fields(delivery), 'lease lost; message is delivered again');
      }
    } catch (error) {
      log.debug({ queue: this.queueName, reason: toError(error).message }, 'leases not renewed');
    }
    this.#cancelRenewal = undefined;
    if (keepTrying()) this.#renewLater();
  }

  /** Runs inside a transaction. Returns the deliveries that somebody else has by now. */
  #renewAll(now: number): SqliteDelivery[] {
    const { store, leaseMs } = this.#context;
    return [...this.#held.values()].filter(({ message }) => !store.renew(message, now + leaseMs));
  }

  #letGo(): Promise<void> {
    const unsettled = [...this.#held.values()].filter((delivery) => !delivery.isSettled);
    this.#end();
    return this.#release(unsettled);
  }

  #end(): void {
    this.#draining = true;
    this.#stopped = true;
    this.#cancelLook?.();
    this.#cancelRenewal?.();
  }

  /** Hands deliveries back, so that whoever consumes next need not wait for their leases to run out. */
  async #release(deliveries: readonly SqliteDelivery[]): Promise<void> {
    const { store, writer, log } = this.#context;
    for (const delivery of deliveries) this.#held.delete(keyOf(delivery));
    if (deliveries.length === 0) return;
    try {
      await writer.write({
        run: () => deliveries.forEach(({ message }) => store.release(message)),
        keepTrying: () => false,
        wakes: this.queueName,
      });
    } catch (error) {
      const fields = { queue: this.queueName, messages: deliveries.length, reason: toError(error).message };
      log.warn(fields, 'messages not handed back; their leases must run out');
    }
  }

  #fields({ messageId, attempt }: SqliteDelivery, more: object = {}): object {
    return { queue: this.queueName, messageId, attempt, ...more };
  }
}

/** One message can be held twice, where its first lease was lost. */
function keyOf({ message }: SqliteDelivery): string {
  return `${message.id} ${message.token}`;
}
