// The `send` of a schedule's context: opens the broker at the first message, so that a service that sends none needs none.
import { within, type Clock } from '../clock.ts';
import { SendError } from '../errors.ts';
import type { MessageAdapter } from '../messaging/adapter.ts';
import { encodeMessage } from '../messaging/message.ts';

/** How long a message waits for the connection, in milliseconds; connecting goes on after that. */
const connectTimeoutMs = 10_000;

/** How to open the broker. */
export interface LazySenderOptions {
  /** Makes the adapter; rejects if no broker is configured, or if its settings are wrong. */
  readonly open: () => Promise<MessageAdapter>;
  readonly clock: Clock;
}

/** A broker connection for sending, made when it is first used. */
export class LazySender {
  readonly #options: LazySenderOptions;
  #opened: Promise<{ readonly adapter: MessageAdapter; readonly connected: Promise<void> }> | undefined;

  constructor(options: LazySenderOptions) {
    this.#options = options;
  }

  /** See ScheduleContext.send. */
  async send(queueName: string, message: unknown): Promise<void> {
    const body = encodeMessage(message);
    const { adapter, connected } = await this.#open();
    const answer = await within(this.#options.clock, connectTimeoutMs, connected);
    if (answer === 'late') {
      const limit = `within ${connectTimeoutMs / 1000} s`;
      throw new SendError(
        queueName,
        `not sent to queue "${queueName}": cannot reach ${adapter.address} ${limit}`,
      );
    }
    await adapter.sendMessage(queueName, body);
  }

  /** Closes the connection, if there is one. Idempotent. */
  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.adapter.close();
  }

  /** After a failure for good, the next message tries again: rights and settings are mended while services run. */
  #open() {
    this.#opened ??= this.#connect();
    this.#opened.catch(() => (this.#opened = undefined));
    return this.#opened;
  }

  async #connect() {
    const adapter = await this.#options.open();
    const connected = adapter.connect();
    connected.catch(() => {
      this.#opened = undefined;
      void adapter.close();
    });
    return { adapter, connected };
  }
}
