// The embedded queue as a message adapter: one SQLite file, or memory. Owns the connection's life; the statements are in
// store.ts, the transactions in writer.ts, the claiming in consumer.ts.
import { randomUUID } from 'node:crypto';
import { sleep } from '../../clock.ts';
import { SendError, SvchostError, UnroutableError } from '../../errors.ts';
import type {
  AdapterContext,
  Capabilities,
  ConsumeOptions,
  Consumer,
  Delivery,
  Headers,
  MessageAdapter,
  SendOptions,
  WaitingMessage,
} from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import { SqliteConsumer } from './consumer.ts';
import { Database, toRefusal } from './database.ts';
import { explain, isDiskFull, kindOf } from './failure.ts';
import { OccurrenceStore } from './occurrence.ts';
import { MessageStore } from './store.ts';
import { ChangeWatcher } from './watcher.ts';
import { Writer } from './writer.ts';

export interface SqliteOptions {
  /** The file, or `:memory:`. It and its directory are made where they are missing. */
  readonly path: string;
  /** How long a delivery stays with a host that does not renew it, because it died. Default: 30 s. */
  readonly leaseMs?: number;
  /**
   * How often to look for what other processes have done, where the file system does not tell. Default: 5 s; Infinity
   * for never.
   */
  readonly checkEveryMs?: number;
}

const defaultLeaseMs = 30_000;
const defaultCheckEveryMs = 5000;

/** How long a send waits for another process that keeps the file locked. */
const sendPatienceMs = 10_000;

/** How long a claim waits for the same. */
const claimPatienceMs = 4000;

/** What there is while the connection is open. */
interface Session {
  readonly database: Database;
  readonly store: MessageStore;
  readonly writer: Writer;
  readonly watcher: ChangeWatcher;
}

/** A connection to an embedded queue. */
export class SqliteConnection implements MessageAdapter {
  readonly capabilities: Capabilities = { delayedSend: true, countsCrashes: true };
  readonly address: string;
  readonly #options: Required<SqliteOptions>;
  readonly #context: AdapterContext;
  readonly #consumers = new Set<SqliteConsumer>();
  readonly #closed = new AbortController();
  #session: Session | undefined;
  /** Why the database cannot be used any more. */
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
  }

  async ensureQueue(queueName: string): Promise<void> {
    const { writer, store } = this.#useSession();
    await writer.write({ run: () => store.addQueue(queueName), keepTrying: () => true, durable: true });
  }

  async sendMessage(queueName: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    const { clock } = this.#context;
    const now = clock.now();
    try {
      const { writer, store } = this.#useSession();
      const message = {
        queueName,
        messageId: options.messageId ?? randomUUID(),
        body,
        headers: JSON.stringify(options.headers ?? {}),
        enqueuedAt: Math.floor(now),
        dueAt: Math.ceil(now + Math.max(0, options.delayMs ?? 0)),
      };
      const sent = await writer.write({
        run: () => store.add(message),
        keepTrying: (error) => kindOf(error) === 'busy' && clock.now() < now + sendPatienceMs,
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
    const consumer = new SqliteConsumer(queueName, onDelivery, options, {
      store,
      writer,
      clock: this.#context.clock,
      log: this.#context.log,
      leaseMs: this.#options.leaseMs,
      onFailure: (error) => this.#fail(error),
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
  async browseMessages(queueName: string, limit: number): Promise<WaitingMessage[]> {
    const messages = this.#read(queueName, 'read', (store) => store.newest(queueName, limit));
    return messages.map((message) => ({ ...message, headers: JSON.parse(message.headers) as Headers }));
  }

  async claimOccurrence(scheduleName: string, occurrence: Date): Promise<boolean> {
    const { writer, database } = this.#useSession();
    const now = this.#context.clock.now();
    return await writer.write({
      run: () => new OccurrenceStore(database).claim(scheduleName, occurrence, now),
      // The caller gives up on the occurrence sooner than this would be of use.
      keepTrying: (error) => kindOf(error) === 'busy' && this.#context.clock.now() < now + claimPatienceMs,
      durable: true,
    });
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #openDatabase(): Promise<Database> {
    const { clock, log } = this.#context;
    const { path } = this.#options;
    for (let failures = 1; ; failures += 1) {
      if (this.#closed.signal.aborted) throw connectionClosed(path);
      try {
        return new Database(path);
      } catch (error) {
        if (kindOf(error) !== 'busy' && !isDiskFull(error)) throw toRefusal(error, path);
        const retryInMs = backoffMs(failures);
        log.warn(
          { path, reason: explain(error, path), failures, retryInMs },
          'database not opened; trying again',
        );
        await sleep(clock, retryInMs, this.#closed.signal);
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
    if (this.#session === undefined || this.#closed.signal.aborted)
      throw connectionClosed(this.#options.path);
    return this.#session;
  }

  #read<Result>(queueName: string, participle: string, work: (store: MessageStore) => Result): Result {
    const { store } = this.#useSession();
    try {
      return work(store);
    } catch (error) {
      const reason = explain(error, this.#options.path);
      const message = `the messages of "${queueName}" were not ${participle}: ${reason}`;
      throw new SvchostError('DATABASE_FAILED', message, { cause: error });
    }
  }

  /** Lets the consumers look for something new; those of `queueNames`, where it is known. */
  #look(queueNames?: ReadonlySet<string>): void {
    for (const consumer of this.#consumers) {
      if (queueNames?.has(consumer.queueName) ?? true) consumer.look();
    }
  }

  /** Ends all that runs on this connection, because the database cannot be used any more. */
  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    const error = toRefusal(cause, this.#options.path);
    this.#failure = error;
    this.#context.log.error({ path: this.#options.path, reason: error.message }, 'database lost');
    this.#session?.watcher.close();
    this.#session?.writer.close(error);
    for (const consumer of this.#consumers) consumer.fail(error);
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    this.#closed.abort();
    const { watcher, writer, database } = this.#session ?? {};
    watcher?.close();
    writer?.close(connectionClosed(this.#options.path));
    database?.close();
  }
}

function connectionClosed(path: string): Error {
  return new SvchostError('CLOSED', `the connection to ${path} is closed`);
}
