// The queue of the testing kit: the embedded one, in memory, with a record of the messages that were sent and of those
// that are still open.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { AdapterContext, SendOptions } from '../messaging/adapter.ts';
import type { Headers } from '../messaging/message.ts';
import { SqliteConnection } from '../messaging/sqlite/connection.ts';

/** A message that the processor sent. */
export interface SentMessage {
  /** The queue that it was sent to. */
  readonly queueName: string;
  /** Its content, read back from the JSON. */
  readonly message: unknown;
}

/** Settings of a {@link RecordingQueue}. */
export interface RecordingQueueOptions {
  /** The queue that the processor consumes. */
  readonly queueName: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly emit: AdapterContext['emit'];
}

/** A message that has not reached its end yet. */
interface OpenMessage {
  readonly body: Uint8Array;
  /** Milliseconds since the epoch. */
  dueAt: number;
}

/** An embedded queue in memory that records what the processor sends, and knows which messages are still open. */
export class RecordingQueue extends SqliteConnection {
  /** The messages that the processor sent, in order. */
  readonly sent: SentMessage[] = [];
  readonly #queueName: string;
  readonly #clock: Clock;
  /** The messages of the consumed queue that are neither done nor dead letters, by id. */
  readonly #open = new Map<string, OpenMessage>();

  constructor({ queueName, clock, log, emit }: RecordingQueueOptions) {
    super({ path: ':memory:' }, { connectionName: 'test', log, clock, emit });
    this.#queueName = queueName;
    this.#clock = clock;
  }

  /** When the next open message is due, in milliseconds since the epoch; undefined if none is open. */
  get nextDueAt(): number | undefined {
    if (this.#open.size === 0) return undefined;
    return Math.min(...[...this.#open.values()].map(({ dueAt }) => dueAt));
  }

  /** Connects, and makes the consumed queue. */
  async start(): Promise<void> {
    await this.connect();
    await this.ensureQueue(this.#queueName);
  }

  /** Puts a message of the test on the consumed queue. Resolves with its id. */
  async put(body: Uint8Array, headers: Headers): Promise<string> {
    const messageId = this.#add(body);
    await super.sendMessage(this.#queueName, body, { messageId, headers });
    return messageId;
  }

  /** Sends a message of the processor. Any queue it names exists, as if its service had been started before. */
  override async sendMessage(queueName: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    await this.ensureQueue(queueName);
    this.sent.push({ queueName, message: JSON.parse(Buffer.from(body).toString()) as unknown });
    // The processor will have to process what it sends to itself.
    const messageId = queueName === this.#queueName ? this.#add(body) : randomUUID();
    await super.sendMessage(queueName, body, { ...options, messageId });
  }

  /** Records that an open message is due again in `delayMs` milliseconds. */
  postpone(messageId: string, delayMs: number): void {
    const message = this.#open.get(messageId);
    if (message) message.dueAt = this.#clock.now() + delayMs;
  }

  /** Records that a message is done or a dead letter. Returns its bytes. */
  finish(messageId: string): Uint8Array {
    const message = this.#open.get(messageId);
    this.#open.delete(messageId);
    return message?.body ?? Buffer.of();
  }

  #add(body: Uint8Array): string {
    const messageId = randomUUID();
    this.#open.set(messageId, { body, dueAt: this.#clock.now() });
    return messageId;
  }
}
