// The pipeline of one delivery: decode -> validate -> process -> outcome -> settle -> record. The same for every
// broker. Only the executor settles.
import type { Clock } from '../../clock.ts';
import type { RetryPolicy } from '../../config/settings.ts';
import type { Delivery, OnHeld, Outcome } from '../../messaging/adapter.ts';
import { decodeMessage } from '../../messaging/message.ts';
import type { MessageProcessor, StandardSchema } from '../../processor/processor.ts';
import { describeThrown, legible } from '../../thrown.ts';
import type { DeliveryEnded, ServiceEvents } from '../events.ts';
import { DeliveryContext, type ContextSource } from './context.ts';
import { CrashLoopError, InvalidMessageError, UndecodableError } from './failure.ts';
import { done, outcomeOfError, requeue } from './outcome.ts';
import type { Run } from './run.ts';

/** How to process the deliveries of one queue. */
export interface ExecutorOptions {
  readonly process: MessageProcessor['process'];
  readonly schema: StandardSchema | undefined;
  readonly retry: RetryPolicy;
  /** Undefined for no limit. */
  readonly processTimeoutMs: number | undefined;
  /** The broker counts every delivery as an attempt; see Capabilities. */
  readonly countsEveryDelivery: boolean;
  readonly context: ContextSource;
  readonly clock: Clock;
  readonly events: ServiceEvents;
}

/** How the first three steps ended. */
type Ending = { readonly result: unknown } | { readonly thrown: unknown };

/** Takes deliveries of one queue through the pipeline. */
export class Executor {
  readonly #options: ExecutorOptions;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /**
   * Takes a delivery through the pipeline.
   *
   * @param onHeld called when the message cannot be moved; see `Delivery.settle`
   * @throws BrokerRefusedError the broker permanently refuses the outcome
   */
  async execute(delivery: Delivery, run: Run, onHeld?: OnHeld): Promise<void> {
    const { clock, events } = this.#options;
    const startedAt = clock.now();
    const facts = this.#factsOf(delivery, startedAt);
    events.emit({ ...facts, kind: 'delivery-started' });

    const ending = await this.#attempt(delivery, run);
    const outcome = this.#outcomeOf(ending, delivery);
    const processMs = clock.now() - startedAt;
    await this.#settle(delivery, outcome, {
      ...facts,
      hasStarted: true,
      processMs,
      thrown: 'thrown' in ending ? ending.thrown : undefined,
      onHeld,
    });
  }

  /**
   * Requeues a delivery that has not started.
   *
   * @throws BrokerRefusedError as `execute` does
   */
  async requeue(delivery: Delivery): Promise<void> {
    const facts = this.#factsOf(delivery, this.#options.clock.now());
    await this.#settle(delivery, requeue, { ...facts, hasStarted: false, processMs: 0, thrown: undefined });
  }

  /** Steps 1 to 3; the last two share one time limit. Never rejects. */
  async #attempt(delivery: Delivery, run: Run): Promise<Ending> {
    const { clock, processTimeoutMs } = this.#options;
    try {
      this.#refuseCrasher(delivery);
      const body = decode(delivery.body);
      const work = async () => this.#process(await this.#validate(body), delivery, run);
      return { result: await run.execute(work, clock, processTimeoutMs) };
    } catch (thrown) {
      return { thrown: legible(thrown) };
    }
  }

  async #validate(message: unknown): Promise<unknown> {
    const { schema } = this.#options;
    if (!schema) return message;
    const result = await schema['~standard'].validate(message);
    if (result.issues) throw new InvalidMessageError(result.issues);
    return result.value;
  }

  #process(message: unknown, delivery: Delivery, run: Run): unknown {
    return this.#options.process(message, new DeliveryContext(delivery, this.#options.context, run));
  }

  #outcomeOf(ending: Ending, { attempt }: Delivery): Outcome {
    if ('result' in ending) return done(ending.result);
    return outcomeOfError(ending.thrown, attempt, this.#options.retry);
  }

  /** Steps 5 and 6, in this order, so that the record is true when it is made. */
  async #settle(
    delivery: Delivery,
    outcome: Outcome,
    { onHeld, ...facts }: SettledFacts & { readonly onHeld?: OnHeld | undefined },
  ): Promise<void> {
    const { clock } = this.#options;
    const from = clock.now();
    let isSettled = false;
    try {
      isSettled = await delivery.settle(outcome, onHeld);
    } finally {
      this.#record(facts, outcome, isSettled, clock.now() - from);
    }
  }

  #record(facts: SettledFacts, outcome: Outcome, isSettled: boolean, settleMs: number): void {
    const { events, retry } = this.#options;
    const { maxAttempts } = retry;
    events.emit({ ...facts, kind: 'delivery-ended', maxAttempts, outcome, isSettled, settleMs });
  }

  #factsOf({ messageId, attempt, enqueuedAt }: Delivery, now: number) {
    const ageMs = enqueuedAt && Math.max(0, now - enqueuedAt.getTime());
    return { queue: this.#options.context.queueName, messageId, attempt, ageMs };
  }

  /** Dead-letters a message that keeps bringing down its host. */
  #refuseCrasher({ crashes, attempt }: Delivery): void {
    const { retry, countsEveryDelivery } = this.#options;
    if (crashes >= retry.maxAttempts) throw new CrashLoopError(crashes);
    if (countsEveryDelivery && attempt > retry.maxAttempts + spareAttempts)
      throw new CrashLoopError(attempt - 1);
  }
}

/** The facts about a delivery that are known before it is settled. */
interface SettledFacts extends Pick<DeliveryEnded, 'queue' | 'messageId' | 'attempt' | 'ageMs'> {
  readonly hasStarted: boolean;
  readonly processMs: number;
  readonly thrown: unknown;
}

/** Extra deliveries allowed beyond maxAttempts on brokers that count every delivery as an attempt. */
const spareAttempts = 10;

function decode(body: Uint8Array): unknown {
  try {
    return decodeMessage(body);
  } catch (error) {
    throw new UndecodableError(describeThrown(error).message);
  }
}
