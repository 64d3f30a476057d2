// The pipeline of one delivery: decode -> validate -> process -> outcome -> settle -> record. The same for every broker.
import type { Clock } from '../../clock.ts';
import type { RetryPolicy } from '../../config/settings.ts';
import { toError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { Delivery, Outcome } from '../../messaging/adapter.ts';
import { decodeMessage } from '../../messaging/message.ts';
import type { MessageProcessor, StandardSchema } from '../../processor/processor.ts';
import { DeliveryContext, type ContextSource } from './context.ts';
import { CrashLoopError, describeThrown, InvalidMessageError, legible, UndecodableError } from './failure.ts';
import { done, outcomeOfError } from './outcome.ts';
import type { Run } from './run.ts';

/** What became of one delivery. */
export interface DeliveryRecord {
  readonly messageId: string;
  readonly attempt: number;
  readonly outcome: Outcome;
  readonly durationMs: number;
}

export interface ExecutorOptions {
  readonly processor: MessageProcessor;
  readonly schema: StandardSchema | undefined;
  readonly retry: RetryPolicy;
  /** Undefined for no limit. */
  readonly processTimeoutMs: number | undefined;
  readonly context: ContextSource;
  readonly clock: Clock;
  /** The host's own logger. */
  readonly log: Logger;
  /** Called for each delivery once the broker has been told. */
  readonly onRecord: (record: DeliveryRecord) => void;
}

export class Executor {
  readonly #options: ExecutorOptions;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /**
   * Takes a delivery through the pipeline.
   *
   * @throws BrokerRefusedError the outcome cannot be told to the broker, now or later
   */
  async execute(delivery: Delivery, run: Run): Promise<void> {
    const { clock, onRecord } = this.#options;
    const startedAt = clock.now();
    const outcome = await this.#decide(delivery, run);
    await delivery.settle(outcome);
    const { messageId, attempt } = delivery;
    onRecord({ messageId, attempt, outcome, durationMs: clock.now() - startedAt });
  }

  async #decide(delivery: Delivery, run: Run): Promise<Outcome> {
    const { retry, log, context } = this.#options;
    try {
      refuseCrasher(delivery, retry.maxAttempts);
      await this.#process(decode(delivery.body), delivery, run);
      log.debug({ queue: context.queueName, messageId: delivery.messageId }, 'delivery done');
      return done;
    } catch (thrown) {
      const error = legible(thrown);
      const outcome = outcomeOfError(error, delivery.attempt, retry);
      this.#logFailure(delivery, error, outcome);
      return outcome;
    }
  }

  async #process(message: unknown, delivery: Delivery, run: Run): Promise<void> {
    const { processor, clock, processTimeoutMs } = this.#options;
    const context = new DeliveryContext(delivery, this.#options.context, run.signal);
    const work = async () => processor.process(await this.#validate(message), context);
    const { lost } = delivery;
    const onLost = (): void => run.lose(toError(lost?.reason));
    lost?.addEventListener('abort', onLost, { once: true });
    try {
      await run.execute(work, clock, processTimeoutMs);
    } finally {
      lost?.removeEventListener('abort', onLost);
    }
  }

  async #validate(message: unknown): Promise<unknown> {
    const { schema } = this.#options;
    if (!schema) return message;
    const result = await schema['~standard'].validate(message);
    if (result.issues) throw new InvalidMessageError(result.issues);
    return result.value;
  }

  #logFailure({ messageId, attempt }: Delivery, thrown: unknown, outcome: Outcome): void {
    const { log, retry, context } = this.#options;
    const error = describeThrown(thrown);
    const fields = { queue: context.queueName, messageId, attempt, maxAttempts: retry.maxAttempts };
    switch (outcome.kind) {
      case 'retry':
        return log.warn(
          { ...fields, delayMs: outcome.delayMs, error },
          'delivery failed; will be tried again',
        );
      case 'dead':
        return log.error(
          { ...fields, reason: outcome.reason, error },
          'delivery failed; becomes a dead letter',
        );
      case 'requeue':
      case 'done':
        return log.info(fields, 'delivery handed back');
    }
  }
}

/** How much oftener than it would be tried a message may be handed out, where the broker counts that among the attempts. */
const spareAttempts = 10;

/** A message that took its host down each time it was delivered must not do so for ever. */
function refuseCrasher({ crashes, attempt, attemptCountsHandOuts }: Delivery, maxAttempts: number): void {
  if (crashes >= maxAttempts) throw new CrashLoopError(crashes);
  if (attemptCountsHandOuts && attempt > maxAttempts + spareAttempts) throw new CrashLoopError(attempt - 1);
}

function decode(body: Uint8Array): unknown {
  try {
    return decodeMessage(body);
  } catch (error) {
    throw new UndecodableError(describeThrown(error).message);
  }
}
