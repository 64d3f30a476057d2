// SqliteConnection: the embedded queue as a message adapter, one SQLite file or memory.
//
//   receive   consumer -> writer (a transaction) -> store (claim) -> delivery
//   settle    delivery -> consumer -> writer -> store             send   writer -> store, then watcher rings
import { randomUUID } from 'node:crypto';
import { sleep } from '../../clock.ts';
import {
  DatabaseError,
  NotConnectedError,
  SendError,
  UnroutableError,
  UnwritableError,
} from '../../errors.ts';
import type {
  AdapterContext,
  ConsumeOptions,
  Consumer,
  Delivery,
  MessageAdapter,
  SendOptions,
} from '../adapter.ts';
import type { Headers, MessageFacts } from '../message.ts';
import { backoffMs } from '../backoff.ts';
import type { Browsable, Capabilities, Claiming } from '../capability.ts';
import { SqliteConsumer } from './consumer.ts';
import { Database, toRefusal } from './database.ts';
import { readHeaders } from './headers.ts';
import { explain, isDiskFull, kindOf } from './failure.ts';
import { OccurrenceStore } from './occurrence.ts';
import { MessageStore } from './store.ts';
import { ChangeWatcher } from './watcher.ts';
import { Writer } from './writer.ts';

/** The settings of the embedded queue, and its timing. */
export interface SqliteOptions {
  /** The file, or `:memory:`. It and its directory are created if they are missing. */
  readonly path: string;
  /**
   * How long a lease lasts unless its host renews it, in milliseconds; then the messages of a dead host are
   * redelivered. Default: 30 s.
   */
  readonly leaseMs?: number;
  /**
   * How often to check for changes by other processes, in milliseconds, if the file system does not report them.
   * Default: 5 s; Infinity for never.
   */
  readonly checkEveryMs?: number;
}

const defaultLeaseMs = 30_000;
const defaultCheckEveryMs = 5000;

/** How long a send waits for another process that keeps the file locked, in milliseconds. */
const sendTimeoutMs = 10_000;

/** How long claiming an occurrence waits for that, in milliseconds. */
const claimTimeoutMs = 4000;

/** The parts of an open connection. */
interface Session {
  readonly database: Database;
  readonly store: MessageStore;
  readonly writer: Writer;
  readonly watcher: ChangeWatcher;
}

/** A connection to an embedded queue. */
export class SqliteConnection implements MessageAdapter, Browsable, Claiming {
  readonly capabilities: Capabilities = {
    delayedSend: true,
    countsCrashes: true,
    countsEveryDelivery: false,
    ordered: true,
    binaryBodies: true,
    largestBodyBytes: undefined,
    protoHeader: true,
    listsMessages: true,
    claimsOccurrences: true,
    inspectsQueues: false,
    journalsCrashes: false,
    paidByTheCall: false,
  };
  readonly address: string;
  readonly #options: Required<SqliteOptions>;
  readonly #context: AdapterContext;
  readonly #consumers = new Set<SqliteConsumer>();
  readonly #closed = new AbortController();
  #session: Session | undefined;
  /** Why the database is no longer usable. */
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: SqliteOptions, context: AdapterContext) {
    this.#options = {
      path: options.path,
      leaseMs: options.leaseMs ?? defaultLeaseMs,
      checkEveryMs: options.checkEveryMs ?? defaultCheckEveryMs,
    };
    this.#context = context;
    this.address = `sqlite:${options.path}`;
  }

  async connect(): Promise<void> {
    if (this.#session !== undefined) return;
    this.#session = this.#startSession(await this.#openDatabase());
    this.#context.emit({ kind: 'broker-connected', broker: this.address, isReconnect: false });
  }

  async ensureQueue(queueName: string): Promise<void> {
    const { writer, store } = this.#useSession();
    const isNew = await writer.write({
      run: () => store.addQueue(queueName),
      keepTrying: () => true,
      durable: true,
    });
    if (isNew) this.#context.emit({ kind: 'queue-created', queue: queueName });
  }

  async sendMessage(queueName: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    const { clock } = this.#context;
    const now = clock.now();
    const giveUpAt = clock.elapsed() + sendTimeoutMs;
    const { writer, store } = this.#useSession();
    try {
      const message = {
        queueName,
        messageId: options.messageId ?? randomUUID(),
        body,
        headers: writeHeaders(queueName, options.headers),
        enqueuedAt: Math.floor(now),
        dueAt: Math.ceil(now + Math.max(0, options.delayMs ?? 0)),
        replyTo: options.replyTo ?? null,
        correlationId: options.correlationId ?? null,
      };
      const sent = await writer.write({
        run: () => store.add(message),
        keepTrying: (error) => kindOf(error) === 'busy' && clock.elapsed() < giveUpAt,
        durable: true,
        wakes: queueName,
      });
      if (!sent) throw new UnroutableError(queueName);
    } catch (error) {
      if (error instanceof SendError) throw error;
      throw new SendError(queueName, `the message was not sent: ${explain(error, this.#options.path)}`, {
        cause: error,
      });
    }
  }

  async consumeMessages(
    queueName: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions,
  ): Promise<Consumer> {
    await this.ensureQueue(queueName);
    const { store, writer, watcher } = this.#useSession();
    const { clock, emit } = this.#context;
    const consumer = new SqliteConsumer({
      ...options,
      queueName,
      onDelivery,
      store,
      writer,
      clock,
      emit,
      leaseMs: this.#options.leaseMs,
      onDatabaseLost: (error) => this.#fail(error),
    });
    this.#consumers.add(consumer);
    watcher.start();
    consumer.look();
    return consumer;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a rejection, not a throw
  async countMessages(queueName: string): Promise<number> {
    return this.#read(queueName, 'counted', (store) => store.count(queueName, this.#context.clock.now()));
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a rejection, not a throw
  async browseMessages(queueName: string, limit: number): Promise<MessageFacts[]> {
    const messages = this.#read(queueName, 'read', (store) => store.newest(queueName, limit));
    return messages.map((message) => ({ ...message, headers: readHeaders(message.headers) }));
  }

  async claimOccurrence(scheduleName: string, occurrence: Date): Promise<boolean> {
    const { writer, database } = this.#useSession();
    const { clock } = this.#context;
    const now = clock.now();
    const giveUpAt = clock.elapsed() + claimTimeoutMs;
    return await writer.write({
      run: () => new OccurrenceStore(database).claim(scheduleName, occurrence, now),
      // The caller gives up after 5 s: waiting longer would be useless.
      keepTrying: (error) => kindOf(error) === 'busy' && clock.elapsed() < giveUpAt,
      durable: true,
    });
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #openDatabase(): Promise<Database> {
    const { clock, emit } = this.#context;
    const { path } = this.#options;
    for (let failures = 1; ; failures += 1) {
      if (this.#closed.signal.aborted) throw new NotConnectedError(this.address);
      try {
        return new Database(path);
      } catch (cause) {
        if (kindOf(cause) !== 'busy' && !isDiskFull(cause)) throw toRefusal(cause, path);
        const error = new DatabaseError(explain(cause, path), { cause });
        emit({ kind: 'broker-connect-failed', broker: this.address, error });
        await sleep(clock, backoffMs(failures), this.#closed.signal);
      }
    }
  }

  #startSession(database: Database): Session {
    const { clock, log } = this.#context;
    const onFailure = (error: unknown) => this.#fail(error);
    const watcher = new ChangeWatcher({
      database,
      clock,
      log,
      checkEveryMs: this.#options.checkEveryMs,
      onChange: () => this.#look(),
      onFailure,
    });
    const onWake = (queueNames: ReadonlySet<string>) => {
      watcher.ring();
      this.#look(queueNames);
    };
    const writer = new Writer({ database, clock, log, onWake, onFailure });
    return { database, store: new MessageStore(database), writer, watcher };
  }

  #useSession(): Session {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#session === undefined || this.#closed.signal.aborted) throw new NotConnectedError(this.address);
    return this.#session;
  }

  #read<Result>(queueName: string, participle: string, work: (store: MessageStore) => Result): Result {
    const { store } = this.#useSession();
    try {
      return work(store);
    } catch (error) {
      const reason = explain(error, this.#options.path);
      const message = `the messages of "${queueName}" were not ${participle}: ${reason}`;
      throw new DatabaseError(message, { cause: error });
    }
  }

  /** Makes consumers look for due messages: those of `queueNames`, or all if the queues are not known. */
  #look(queueNames?: ReadonlySet<string>): void {
    for (const consumer of this.#consumers) {
      if (queueNames?.has(consumer.queueName) ?? true) consumer.look();
    }
  }

  /** Ends all that runs on this connection: the database is no longer usable. */
  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    const error = toRefusal(cause, this.#options.path);
    this.#failure = error;
    this.#context.emit({ kind: 'broker-lost', broker: this.address, failures: 1, error });
    this.#session?.watcher.close();
    this.#session?.writer.close(error);
    for (const consumer of this.#consumers) consumer.fail(error);
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    this.#closed.abort();
    const { watcher, writer, database } = this.#session ?? {};
    watcher?.close();
    writer?.close(new NotConnectedError(this.address));
    database?.close();
  }
}

function writeHeaders(queueName: string, headers: Headers = {}): string {
  try {
    return JSON.stringify(headers);
  } catch (error) {
    throw new UnwritableError(queueName, error);
  }
}
