// The second argument of `process`. Made for every delivery, so its parts are made only when they are used.
import type { Logger } from '../../log.ts';
import type { Delivery } from '../../messaging/adapter.ts';
import type { MessageContext } from '../../processor/processor.ts';
import type { Run } from './run.ts';

/** Shared by the contexts of one queue. */
export interface ContextSource {
  readonly queueName: string;
  readonly maxAttempts: number;
  /** The processor's logger. */
  readonly log: Logger;
  readonly send: (queueName: string, message: unknown) => Promise<void>;
}

/** The context of one delivery. */
export class DeliveryContext implements MessageContext {
  readonly #delivery: Delivery;
  readonly #source: ContextSource;
  readonly #run: Run;
  #log: Logger | undefined;

  constructor(delivery: Delivery, source: ContextSource, run: Run) {
    this.#delivery = delivery;
    this.#source = source;
    this.#run = run;
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

  get redelivered(): boolean {
    return this.#delivery.redelivered;
  }

  get headers(): Readonly<Record<string, unknown>> {
    return this.#delivery.headers;
  }

  get enqueuedAt(): Date | undefined {
    return this.#delivery.enqueuedAt;
  }

  get replyTo(): string | undefined {
    return this.#delivery.replyTo;
  }

  get correlationId(): string | undefined {
    return this.#delivery.correlationId;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  get log(): Logger {
    this.#log ??= this.#source.log.child({ messageId: this.messageId, attempt: this.attempt });
    return this.#log;
  }

  send(queueName: string, message: unknown): Promise<void> {
    return this.#source.send(queueName, message);
  }
}
