// What a processor is told about its message. Made per delivery, so it makes nothing before it is asked for.
import type { Logger } from '../../log.ts';
import type { Delivery } from '../../messaging/adapter.ts';
import type { MessageContext } from '../../processor/processor.ts';

/** What the contexts of one service share. */
export interface ContextSource {
  readonly queueName: string;
  readonly maxAttempts: number;
  /** The service's own logger. */
  readonly log: Logger;
  readonly send: (queueName: string, message: unknown) => Promise<void>;
}

export class DeliveryContext implements MessageContext {
  readonly signal: AbortSignal;
  readonly #delivery: Delivery;
  readonly #source: ContextSource;
  #log: Logger | undefined;

  constructor(delivery: Delivery, source: ContextSource, signal: AbortSignal) {
    this.#delivery = delivery;
    this.#source = source;
    this.signal = signal;
  }

  get messageId(): string {
    return this.#delivery.messageId;
  }

  get queueName(): string {
    return this.#source.queueName;
  }

  get attempt(): number {
    return this.#delivery.attempt;
  }

  get maxAttempts(): number {
    return this.#source.maxAttempts;
  }

  get headers(): Readonly<Record<string, unknown>> {
    return this.#delivery.headers;
  }

  get enqueuedAt(): Date | undefined {
    return this.#delivery.enqueuedAt;
  }

  get log(): Logger {
    this.#log ??= this.#source.log.child({ messageId: this.messageId, attempt: this.attempt });
    return this.#log;
  }

  send(queueName: string, message: unknown): Promise<void> {
    return this.#source.send(queueName, message);
  }
}
