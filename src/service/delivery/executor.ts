// The pipeline of one delivery: decode -> validate -> process -> outcome -> settle -> record. The same for every
// broker. Only the executor settles.
import type { Clock } from '../../clock.ts';
import type { RetryPolicy } from '../../config/settings.ts';
import type { Delivery, OnHeld, Outcome } from '../../messaging/adapter.ts';
import { decodeMessage } from '../../messaging/message.ts';
import type { MessageProcessor, StandardSchema } from '../../processor/processor.ts';
import { describeThrown, legible } from '../../thrown.ts';
import type { DeliveryEnded, ServiceEvents } from '../events.ts';
import type { InFlightFact } from '../in-flight.ts';
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
  /** So many deaths of a host make a message a dead letter. */
  readonly crashMaxDeliveries: number;
  readonly context: ContextSource;
  readonly clock: Clock;
  readonly events: ServiceEvents;
}

/** What the pipeline needs to know about a delivery besides itself. */
export interface ExecuteOptions {
  /** Called when the message cannot be moved; see `Delivery.settle`. */
  readonly onHeld?: OnHeld;
  /** How many times a host has died of it. Default: 0. */
  readonly deaths?: number;
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
   * @returns whether the broker has the outcome
   * @throws BrokerRefusedError the broker permanently refuses the outcome
   */
  async execute(delivery: Delivery, run: Run, { onHeld, deaths = 0 }: ExecuteOptions = {}): Promise<boolean> {
    const { clock, events } = this.#options;
    const startedAt = clock.elapsed();
    const facts = this.#factsOf(delivery, clock.now());
    events.emit({ ...facts, kind: 'delivery-started' });

    const ending = await this.#attempt(delivery, run, deaths);
    const outcome = this.#outcomeOf(ending, delivery);
    const processMs = Math.round(clock.elapsed() - startedAt);
    return await this.#settle(delivery, outcome, {
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

  /** A delivery, for people. */
  factOf({ messageId, attempt }: Delivery): InFlightFact {
    return { queue: this.#options.context.queueName, messageId, attempt };
  }

  /** Steps 1 to 3; the last two share one time limit. Never rejects. */
  async #attempt(delivery: Delivery, run: Run, deaths: number): Promise<Ending> {
    const { clock, processTimeoutMs, crashMaxDeliveries } = this.#options;
    try {
      if (deaths >= crashMaxDeliveries) throw new CrashLoopError(deaths);
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
  ): Promise<boolean> {
    const { clock } = this.#options;
    const from = clock.elapsed();
    let isSettled = false;
    try {
      isSettled = await delivery.settle(outcome, onHeld);
      return isSettled;
    } finally {
      this.#record(facts, outcome, isSettled, Math.round(clock.elapsed() - from));
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
}

/** The facts about a delivery that are known before it is settled. */
interface SettledFacts extends Pick<DeliveryEnded, 'queue' | 'messageId' | 'attempt' | 'ageMs'> {
  readonly hasStarted: boolean;
  readonly processMs: number;
  readonly thrown: unknown;
}

function decode(body: Uint8Array): unknown {
  try {
    return decodeMessage(body);
  } catch (error) {
    throw new UndecodableError(describeThrown(error).message);
  }
}
