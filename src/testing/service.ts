// The testing kit, published as rococo-svchost/testing: runs a processor through the real pipeline, on a queue in
// memory and by a clock that the test moves.
import { sleep, systemClock } from '../clock.ts';
import { readSettings, type RetryPolicy } from '../config/settings.ts';
import { toError } from '../errors.ts';
import { silentLog, type Logger } from '../log.ts';
import type { Headers } from '../messaging/message.ts';
import { encodeMessage } from '../messaging/message.ts';
import { isDefined } from '../processor/definition.ts';
import type { StandardSchema } from '../processor/processor.ts';
import { logEvents } from '../service/event-log.ts';
import { ServiceEvents, type DeliveryEnded, type ServiceEvent } from '../service/events.ts';
import { createMessageService } from '../service/message-service.ts';
import type { Service } from '../service/service.ts';
import { TestClock } from './clock.ts';
import { instantiate, type TestedProcessor } from './processor.ts';
import { RecordingQueue, type SentMessage } from './queue.ts';
import { letterOf, resultOf, type DeadLetter, type DeliveryResult, type TestRun } from './result.ts';

/** Settings of a test service. Durations are in seconds; defaults are those of the environment variables. */
export interface TestServiceOptions {
  /** RETRY_MAX_ATTEMPTS; default: 5. */
  readonly maxAttempts?: number;
  /** RETRY_INITIAL_DELAY; default: 1. */
  readonly initialDelay?: number;
  /** RETRY_FACTOR; default: 5. */
  readonly factor?: number;
  /** RETRY_MAX_DELAY; default: 300. */
  readonly maxDelay?: number;
  /** CONCURRENCY; default: 1. */
  readonly concurrency?: number;
  /** PROCESS_TIMEOUT; default: no limit. */
  readonly processTimeout?: number;
  /** The queue that the processor consumes; default: `test_queue`. */
  readonly queueName?: string;
  /** The time that the clock shows at first; default: now. */
  readonly now?: Date;
  /** The logger for `context.log` and for the host's own lines; default: none. */
  readonly log?: Logger;
}

/** How far the clock moves at a time once the service stops, in milliseconds. */
const stopStepMs = 10;

/**
 * Runs a processor on some messages until each one is done or a dead letter. The delays between attempts take no time.
 *
 * @param processor a class, what `defineProcessor` returns, or an object with a `process` method
 * @throws the error that `start` of the processor throws
 */
export async function runMessages<Message>(
  processor: TestedProcessor<Message>,
  messages: readonly unknown[],
  options?: TestServiceOptions,
): Promise<TestRun> {
  const service = await startTestService(processor, options);
  try {
    for (const message of messages) await service.send(message);
    await service.finish();
    return { deliveries: service.deliveries, deadLetters: service.deadLetters, sent: service.sent };
  } finally {
    await service.stop();
  }
}

/**
 * Starts a processor on an empty queue in memory. Call `stop` at the end of the test.
 *
 * @param processor a class, what `defineProcessor` returns, or an object with a `process` method
 * @throws the error that `start` of the processor throws
 */
export async function startTestService<Message>(
  processor: TestedProcessor<Message>,
  options: TestServiceOptions = {},
): Promise<TestService> {
  const service = new TestService(processor, options);
  await service.start();
  return service;
}

/** A running service with a queue in memory and a clock that stands still; made by {@link startTestService}. */
export class TestService implements TestRun {
  readonly deliveries: DeliveryResult[] = [];
  readonly deadLetters: DeadLetter[] = [];
  /** The queue that the processor consumes. */
  readonly queueName: string;
  readonly #clock: TestClock;
  readonly #queue: RecordingQueue;
  readonly #service: Service;
  /** Resolved, and replaced by another, whenever a delivery or the service has ended. */
  #change: PromiseWithResolvers<void> = Promise.withResolvers();
  #hasEnded = false;

  constructor(processor: object, options: TestServiceOptions) {
    const { queueName = 'test_queue', concurrency = 1, processTimeout, log = silentLog } = options;
    this.queueName = queueName;
    this.#clock = new TestClock(options.now ?? new Date());
    const events = this.#openEvents(log);
    const emit = (event: ServiceEvent) => events.emit(event);
    this.#queue = new RecordingQueue({ queueName, clock: this.#clock, log, emit });
    const instance = instantiate(processor);
    const queue = {
      queueName,
      deadLetterQueueName: `${queueName}_dead`,
      concurrency,
      process: instance.process.bind(instance),
      schema: schemaOf(processor),
      retry: retryPolicy(options),
      // No host dies in memory.
      crashMaxDeliveries: 3,
      processTimeoutMs: processTimeout === undefined ? undefined : processTimeout * 1000,
    };
    this.#service = createMessageService({
      adapter: this.#queue,
      processor: instance,
      queues: [queue],
      shutdownTimeoutMs: 0,
      consumeConfig: undefined,
      clock: this.#clock,
      events,
      processorLog: log,
    });
  }

  /** The messages that the processor sent, in order. */
  get sent(): readonly SentMessage[] {
    return this.#queue.sent;
  }

  /** The time that the clock shows. */
  get now(): Date {
    return new Date(this.#clock.now());
  }

  /** Starts the service; {@link startTestService} has done so. */
  async start(): Promise<void> {
    await this.#queue.start();
    void this.#service.run().then(() => {
      this.#hasEnded = true;
      this.#reportChange();
    });
    await this.#clock.advance(0);
    this.#throwFailure();
  }

  /** Puts a message (any JSON value) on the queue. Resolves with its id, without waiting for it to be processed. */
  send(message: unknown, headers?: Headers): Promise<string> {
    return this.sendBody(encodeMessage(message), headers);
  }

  /** Puts any bytes on the queue, which need not be JSON. Resolves with the message's id. */
  sendBody(body: Uint8Array, headers: Headers = {}): Promise<string> {
    return this.#queue.put(body, headers);
  }

  /** Moves the clock on by `seconds`: retries fall due, time limits expire. */
  async advance(seconds: number): Promise<void> {
    await this.#clock.advance(seconds * 1000);
  }

  /** Resolves when no message is in flight or due; those that wait for a retry do not count. */
  async idle(): Promise<void> {
    this.#throwFailure();
    while (this.#isDue()) {
      await this.#change.promise;
      this.#throwFailure();
    }
  }

  /** Moves the clock from one retry to the next until every message is done or a dead letter. */
  async finish(): Promise<void> {
    await this.idle();
    let dueAt = this.#queue.nextDueAt;
    while (dueAt !== undefined) {
      await this.#clock.advance(dueAt - this.#clock.now());
      await this.idle();
      dueAt = this.#queue.nextDueAt;
    }
  }

  /** Ends the service: requeues the messages in flight and calls `stop` of the processor. */
  async stop(): Promise<void> {
    this.#service.stop('the test is over');
    await this.#clock.advance(0);
    // The steps of a shutdown have time limits by the clock. It keeps pace with real time here, because a processor
    // that closes a connection needs some.
    while (!this.#hasEnded) {
      await sleep(systemClock, stopStepMs);
      await this.#clock.advance(stopStepMs);
    }
  }

  #isDue(): boolean {
    const dueAt = this.#queue.nextDueAt;
    return dueAt !== undefined && dueAt <= this.#clock.now();
  }

  #reportChange(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /** A service that has ended processes nothing more: a caller that waited for it would wait for ever. */
  #throwFailure(): void {
    if (this.#service.failure !== undefined) throw toError(this.#service.failure);
    if (this.#hasEnded) throw new Error('the service has been stopped');
  }

  #openEvents(log: Logger): ServiceEvents {
    const events = new ServiceEvents();
    logEvents(events, log);
    events.listen((event) => {
      if (event.kind === 'delivery-ended') this.#record(event);
    });
    return events;
  }

  #record(record: DeliveryEnded): void {
    const { messageId, outcome } = record;
    this.deliveries.push(resultOf(record));
    if (outcome.kind === 'retry') this.#queue.postpone(messageId, outcome.delayMs);
    if (outcome.kind === 'done') this.#queue.finish(messageId);
    if (outcome.kind === 'dead')
      this.deadLetters.push(letterOf(record, outcome, this.#queue.finish(messageId)));
    this.#reportChange();
  }
}

/** The test's values, and the defaults of the environment variables for the rest. */
function retryPolicy({ maxAttempts, initialDelay, factor, maxDelay }: TestServiceOptions): RetryPolicy {
  const { retry } = readSettings({}, { serviceDirectory: '.', isTerminal: false }).settings;
  return {
    maxAttempts: maxAttempts ?? retry.maxAttempts,
    initialDelayMs: initialDelay === undefined ? retry.initialDelayMs : initialDelay * 1000,
    factor: factor ?? retry.factor,
    maxDelayMs: maxDelay === undefined ? retry.maxDelayMs : maxDelay * 1000,
  };
}

function schemaOf(processor: object): StandardSchema | undefined {
  const owner = typeof processor === 'function' || isDefined(processor) ? processor : processor.constructor;
  return (owner as { readonly schema?: StandardSchema }).schema;
}
