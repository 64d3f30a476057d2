// One running subscription: claims due messages while there is room, renews the leases of those in flight, and settles
// them. writer.ts runs the transactions.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { BrokerRefusedError, toError } from '../../errors.ts';
import type { AdapterContext, ConsumeOptions, Consumer, Delivery, Outcome } from '../adapter.ts';
import { deadLetterJson, SqliteDelivery } from './delivery.ts';
import { kindOf } from './failure.ts';
import { StepWatch } from './step.ts';
import type { ClaimedMessage, MessageStore } from './store.ts';
import type { Writer } from './writer.ts';

/** The queue to consume, and the parts of the connection that a consumer uses. */
export interface SqliteConsumerOptions extends ConsumeOptions {
  readonly queueName: string;
  readonly onDelivery: (delivery: Delivery) => void;
  readonly store: MessageStore;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly emit: AdapterContext['emit'];
  /** In milliseconds. */
  readonly leaseMs: number;
  /** Called when the database is no longer usable. */
  readonly onDatabaseLost: (error: unknown) => void;
}

/** How soon to look again after the database could not be read, in milliseconds. */
const lookAgainMs = 1000;

/** A running subscription to one queue of a database. */
export class SqliteConsumer implements Consumer {
  readonly queueName: string;
  readonly #options: SqliteConsumerOptions;
  readonly #id = randomUUID();
  #claims = 0;
  /** Deliveries whose outcome the database does not have yet: their leases are renewed. */
  readonly #held = new Set<SqliteDelivery>();
  /** Deliveries without an outcome yet: they count towards the concurrency. */
  #unsettled = 0;
  #claiming: Promise<void> | undefined;
  #draining = false;
  #stopped = false;
  #stopping: Promise<void> | undefined;
  #cancelLook: (() => void) | undefined;
  #cancelRenewal: (() => void) | undefined;
  #renewAt = Infinity;
  #lookFailures = 0;
  readonly #steps: StepWatch;
  /** Whether the clock may have been set back since the rows were written: before us, or under us. */
  #mayBeSetBack = true;
  /** Until when no lease expires: after a step forward the other hosts need time to renew theirs. By `Clock.elapsed`. */
  #spareUntil = -Infinity;

  constructor(options: SqliteConsumerOptions) {
    this.queueName = options.queueName;
    this.#options = options;
    this.#steps = new StepWatch(options.clock);
  }

  /** Claims the due messages, or looks again when one will be due. May be called at any time. */
  look(): void {
    if (!this.#mayClaim()) return;
    this.#cancelLook?.();
    const { clock } = this.#options;
    const at = this.#nextClaimAt();
    if (at === undefined) return;
    const waitMs = at - clock.now();
    if (waitMs <= 0) this.#claim();
    else this.#cancelLook = clock.after(waitMs, () => this.look());
  }

  async drain(): Promise<void> {
    this.#draining = true;
    this.#cancelLook?.();
    // A claim that waits for a full disk must not hold up the drain.
    if (this.#claiming !== undefined) this.#options.writer.retryNow();
    await this.#claiming;
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.drain().then(() => this.#requeueUnsettled());
    await this.#stopping;
  }

  /** Ends for good: the database is no longer usable. */
  fail(error: Error): void {
    if (this.#stopped) return;
    this.#end();
    this.#options.onFailure(error);
  }

  #mayClaim(): boolean {
    return !this.#draining && this.#claiming === undefined && this.#unsettled < this.#options.concurrency;
  }

  #nextClaimAt(): number | undefined {
    const { store, clock, emit, onDatabaseLost } = this.#options;
    this.#noteStep();
    // A claim brings back what is due too late.
    if (this.#mayBeSetBack) return clock.now();
    try {
      const at = store.nextClaimAt(this.queueName, clock.now() + this.#spareUntil - clock.elapsed());
      this.#lookFailures = 0;
      return at;
    } catch (error) {
      if (kindOf(error) === 'busy' || kindOf(error) === 'passing') {
        const failures = ++this.#lookFailures;
        emit({ kind: 'consumer-lost', queue: this.queueName, failures, error: toError(error) });
        return clock.now() + lookAgainMs;
      }
      onDatabaseLost(error);
      return undefined;
    }
  }

  #claim(): void {
    if (!this.#mayClaim()) return;
    const claimed = this.#options.writer.write({
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
    const { store, clock, leaseMs } = this.#options;
    const now = Math.floor(clock.now());
    this.#noteStep();
    if (this.#mayBeSetBack) store.bringBack(this.queueName, now);
    // After the event loop was blocked, `expire` must not free our own leases.
    if (clock.elapsed() >= this.#renewAt) this.#renewAll(now);
    if (clock.elapsed() >= this.#spareUntil) store.expire(this.queueName, now);
    this.#claims += 1;
    return store.claim({
      queueName: this.queueName,
      limit: this.#options.concurrency - this.#unsettled,
      token: `${this.#id}:${this.#claims}`,
      now,
      until: now + leaseMs,
    });
  }

  #noteStep(): void {
    const { clock, leaseMs } = this.#options;
    const stepMs = this.#steps.look();
    if (stepMs < 0) this.#mayBeSetBack = true;
    if (stepMs > 0) this.#spareUntil = clock.elapsed() + leaseMs;
  }

  #deliver(messages: readonly ClaimedMessage[]): void {
    this.#claiming = undefined;
    this.#mayBeSetBack = false;
    const settle = this.#settle.bind(this);
    const deliveries = messages.map((message) => new SqliteDelivery(message, settle));
    for (const delivery of deliveries) this.#held.add(delivery);
    this.#unsettled += deliveries.length;
    if (deliveries.length > 0) this.#renewLater();
    for (const delivery of deliveries) this.#options.onDelivery(delivery);
    this.look();
  }

  #claimFailed(error: unknown): void {
    this.#claiming = undefined;
    if (kindOf(error) === 'operation' && !this.#draining) this.#options.onDatabaseLost(error);
  }

  /** Resolves with true once the database has the outcome, false if the lease was lost first. */
  async #settle(delivery: SqliteDelivery, outcome: Outcome): Promise<boolean> {
    if (this.#stopped) return false;
    const { writer } = this.#options;
    this.#unsettled -= 1;
    const written = writer.write({
      run: () => this.#apply(delivery, outcome),
      keepTrying: () => !this.#stopped,
      ...(outcome.kind !== 'done' && {
        wakes: outcome.kind === 'dead' ? this.#options.deadLetterQueueName : this.queueName,
      }),
    });
    // Queued right behind the settle, so that both share a transaction.
    this.#claim();
    try {
      return await written;
    } catch (error) {
      if (error instanceof BrokerRefusedError) throw error;
      return false;
    } finally {
      this.#held.delete(delivery);
    }
  }

  /** Runs inside a transaction. False if the lease was lost: another consumer has the message. */
  #apply({ message }: SqliteDelivery, outcome: Outcome): boolean {
    const { store, clock } = this.#options;
    switch (outcome.kind) {
      case 'done':
        return store.remove(message);
      case 'requeue':
        return store.requeue(message, Math.floor(clock.now()));
      case 'retry': {
        const now = Math.floor(clock.now());
        return store.postpone(message, { now, dueAt: now + Math.ceil(Math.max(0, outcome.delayMs)) });
      }
      case 'dead':
        return this.#deadLetter(message, outcome);
    }
  }

  #deadLetter(message: ClaimedMessage, { reason, error }: Outcome & { kind: 'dead' }): boolean {
    const { store, clock, deadLetterQueueName } = this.#options;
    const now = Math.floor(clock.now());
    const verdict = { queueName: this.queueName, reason, error, at: new Date(now) };
    return store.deadLetter(message, {
      queueName: deadLetterQueueName,
      headers: deadLetterJson(message, verdict),
      now,
    });
  }

  /** Schedules the renewal of all held leases after a third of their time, so that two renewals may fail. */
  #renewLater(): void {
    if (this.#cancelRenewal !== undefined) return;
    const { clock, leaseMs } = this.#options;
    this.#renewAt = clock.elapsed() + leaseMs / 3;
    this.#cancelRenewal = clock.after(leaseMs / 3, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { writer, clock, emit } = this.#options;
    const keepTrying = () => this.#held.size > 0 && !this.#stopped;
    try {
      const lost = await writer.write({ run: () => this.#renewAll(Math.floor(clock.now())), keepTrying });
      for (const delivery of lost) this.#lose(delivery);
    } catch (error) {
      const leases = this.#held.size;
      emit({ kind: 'lease-renewal-failed', queue: this.queueName, leases, error: toError(error) });
    }
    this.#cancelRenewal = undefined;
    if (keepTrying()) this.#renewLater();
  }

  #lose(delivery: SqliteDelivery): void {
    this.#held.delete(delivery);
    // One that was settled meanwhile has no row to renew, and is not lost.
    if (delivery.isSettled) return;
    const error = new Error(
      'the lease of the message has expired: the host was blocked, or the machine slept',
    );
    delivery.lose(error);
    this.#options.emit({ kind: 'lease-lost', queue: this.queueName, messageId: delivery.messageId, error });
  }

  /** Runs inside a transaction. Returns the deliveries whose lease was lost. */
  #renewAll(now: number): SqliteDelivery[] {
    const { store, leaseMs } = this.#options;
    return [...this.#held].filter(({ message }) => !store.renew(message, { now, until: now + leaseMs }));
  }

  async #requeueUnsettled(): Promise<void> {
    const unsettled = [...this.#held].filter((delivery) => !delivery.isSettled);
    this.#end();
    await this.#requeue(unsettled);
  }

  #end(): void {
    this.#draining = true;
    this.#stopped = true;
    this.#cancelLook?.();
    this.#cancelRenewal?.();
  }

  /** Requeues deliveries, so that the next consumer need not wait until their leases expire. */
  async #requeue(deliveries: readonly SqliteDelivery[]): Promise<void> {
    const { store, writer, clock, emit } = this.#options;
    for (const delivery of deliveries) this.#held.delete(delivery);
    if (deliveries.length === 0) return;
    try {
      await writer.write({
        run: () => deliveries.forEach(({ message }) => store.requeue(message, Math.floor(clock.now()))),
        keepTrying: () => false,
        wakes: this.queueName,
      });
    } catch (error) {
      const { length } = deliveries;
      emit({ kind: 'requeue-failed', queue: this.queueName, deliveries: length, error: toError(error) });
    }
  }
}
