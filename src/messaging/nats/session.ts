// One subscription that pulls from a consumer, and never requests more messages than there is room for.
import { createInbox, nanos, type Msg, type Subscription } from '@nats-io/transport-node';
import { within } from '../../clock.ts';
import { toError } from '../../errors.ts';
import type { AdapterContext } from '../adapter.ts';
import type { OpenLink } from './link.ts';
import { goodbyeMs } from './options.ts';
import type { QueueConsumer } from './stream.ts';

/** How long a pull waits for messages, in milliseconds. */
const pullMs = 30_000;

/** How often the server sends a heartbeat for a waiting pull, in milliseconds. */
const heartbeatMs = 5_000;

/** The consumer to pull from, and the listener of its messages. */
export interface SessionOptions {
  readonly open: OpenLink;
  readonly consumer: QueueConsumer;
  readonly context: AdapterContext;
  readonly concurrency: number;
  /** How many more messages there is room for. */
  readonly room: () => number;
  readonly onMessage: (message: Msg) => void;
}

/** Pulls from one consumer over one connection. */
export class Session {
  /** Resolves with the reason when the session has ended. */
  readonly ended: Promise<Error>;
  readonly #options: SessionOptions;
  readonly #subscription: Subscription;
  readonly #inbox = createInbox();
  readonly #end = Promise.withResolvers<Error>();
  /** Messages that were requested and have not arrived. */
  #expected = 0;
  #next: NodeJS.Immediate | undefined;
  #cancelWatch: (() => void) | undefined;
  #isOver = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { nc } = options.open;
    this.ended = this.#end.promise;
    this.#subscription = nc.subscribe(this.#inbox, {
      callback: (error, message) => (error ? this.end(error) : this.#take(message)),
    });
    void nc.closed().then((reason) => this.end(toError(reason ?? 'the connection was closed')));
  }

  /** Resolves once the server has the subscription. */
  async start(): Promise<void> {
    await this.#options.open.nc.flush();
    this.pull();
  }

  /** Requests more messages if there is room; several calls in one turn of the event loop make one request. */
  pull(): void {
    this.#next ??= setImmediate(() => {
      this.#next = undefined;
      this.#pull();
    });
  }

  /** Ends the session in order: messages on their way arrive before this resolves. */
  async drain(): Promise<void> {
    if (this.#isOver) return;
    this.#stopPulling();
    try {
      await within(this.#options.context.clock, goodbyeMs, this.#subscription.drain());
    } catch {
      // The connection is lost, which ends the subscription as well.
    }
    this.#end.resolve(new Error('drained'));
  }

  /** Ends the session at once. */
  end(reason: Error): void {
    if (this.#isOver) return;
    this.#stopPulling();
    this.#subscription.unsubscribe();
    this.#end.resolve(reason);
  }

  #stopPulling(): void {
    this.#isOver = true;
    clearImmediate(this.#next);
    this.#cancelWatch?.();
  }

  /**
   * A request waits at the server until it is filled or expires, and the server takes a limited number of them: freed
   * places are gathered until half of the concurrency is free, or nothing is on its way.
   */
  #pull(): void {
    const { open, consumer, concurrency, room } = this.#options;
    const batch = room() - this.#expected;
    if (this.#isOver || batch <= 0 || (this.#expected > 0 && batch < concurrency / 2)) return;
    const request = { batch, expires: nanos(pullMs), idle_heartbeat: nanos(heartbeatMs) };
    const { apiPrefix = '$JS.API' } = open.jsm.getOptions();
    const subject = `${apiPrefix}.CONSUMER.MSG.NEXT.${consumer.stream}.${consumer.name}`;
    try {
      open.nc.publish(subject, JSON.stringify(request), { reply: this.#inbox });
    } catch (error) {
      this.end(toError(error));
      return;
    }
    this.#expected += batch;
    this.#watch();
  }

  #take(message: Msg): void {
    this.#watch();
    if (message.subject === this.#inbox) this.#takeStatus(message);
    else {
      this.#expected--;
      this.#options.onMessage(message);
    }
    this.pull();
  }

  /** Reads the status of a pull (NATS ADR-37): a heartbeat, its expiry, or an error. */
  #takeStatus({ headers }: Msg): void {
    const code = headers?.code;
    const left = Number(headers?.get('Nats-Pending-Messages'));
    if (code === 100) return;
    if (code === 408 && left > 0) this.#expected -= left;
    else
      this.end(new Error(code === 503 ? 'there is no such consumer' : (headers?.description ?? 'no status')));
  }

  /** Ends the session if the heartbeats of a waiting pull stop: the server has forgotten it. */
  #watch(): void {
    this.#cancelWatch?.();
    if (this.#isOver || this.#expected === 0) return;
    this.#cancelWatch = this.#options.context.clock.after(3 * heartbeatMs, () =>
      this.end(new Error(`no sign of the consumer within ${(3 * heartbeatMs) / 1000} s`)),
    );
  }
}
