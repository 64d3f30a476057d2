// The testing kit, published as rococo-svchost/testing: a processor driven through the real pipeline and the real embedded
// queue, in memory, on a clock that the test moves. Owns nothing that runs in production.
import { randomUUID } from 'node:crypto';
import { readSettings, type RetryPolicy } from '../config/settings.ts';
import { toError } from '../errors.ts';
import { silentLog, type Logger } from '../log.ts';
import type { AdapterContext, Headers, SendOptions } from '../messaging/adapter.ts';
import type { DeadReason } from '../messaging/dead-letter.ts';
import type { BrokerEvent } from '../messaging/event.ts';
import { encodeMessage } from '../messaging/message.ts';
import { SqliteConnection } from '../messaging/sqlite/connection.ts';
import type { MessageProcessor, ProcessorClass, StandardSchema } from '../processor/processor.ts';
import { logEvents } from '../service/event-log.ts';
import { ServiceEvents, type DeliveryEnded } from '../service/events.ts';
import { createMessageService } from '../service/message-service.ts';
import type { Service } from '../service/service.ts';
import { describeThrown } from '../thrown.ts';
import { TestClock } from './clock.ts';

/** How the processor is run. Durations are seconds, and defaults those of the environment variables. */
export interface TestServiceOptions {
  /** RETRY_MAX_ATTEMPTS; default 5. */
  readonly maxAttempts?: number;
  /** RETRY_INITIAL_DELAY; default 1. */
  readonly initialDelay?: number;
  /** RETRY_FACTOR; default 5. */
  readonly factor?: number;
  /** RETRY_MAX_DELAY; default 300. */
  readonly maxDelay?: number;
  /** CONCURRENCY; default 1. */
  readonly concurrency?: number;
  /** PROCESS_TIMEOUT; default none. */
  readonly processTimeout?: number;
  /** Default `test_queue`. */
  readonly queueName?: string;
  /** Where the clock stands at first; default now. */
  readonly now?: Date;
  /** For `context.log` and the host's own lines; default none. */
  readonly log?: Logger;
}

/** How one delivery ended. */
export interface DeliveryResult {
  readonly messageId: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly outcome: 'done' | 'retry' | 'dead' | 'requeue';
  /** Seconds until the next attempt; of a `retry`. */
  readonly delay?: number;
  /** Of a `dead`. */
  readonly reason?: DeadReason;
  /** `Name: message`; of a `retry` and a `dead`. */
  readonly error?: string;
}

/** A message that was given up on. */
export interface DeadLetter {
  readonly messageId: string;
  readonly body: Uint8Array;
  readonly reason: DeadReason;
  readonly error: string;
  readonly attempts: number;
}

/** A message that the processor sent. */
export interface SentMessage {
  readonly queueName: string;
  readonly message: unknown;
}

/** What became of a run of messages. */
export interface TestRun {
  /** Every delivery, in the order in which they ended. */
  readonly deliveries: readonly DeliveryResult[];
  readonly deadLetters: readonly DeadLetter[];
  /** What the processor sent, in order. */
  readonly sent: readonly SentMessage[];
}

/**
 * Runs a processor on some messages until each is done or a dead letter; pauses between attempts take no time.
 *
 * @param processor a class, or an object with a `process` method
 * @throws the processor's error where its `start` fails
 */
export async function runMessages(
  processor: ProcessorClass | MessageProcessor,
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

/** Starts a processor on an empty queue in memory. Stop it at the end of the test. */
export async function startTestService(
  processor: ProcessorClass | MessageProcessor,
  options: TestServiceOptions = {},
): Promise<TestService> {
  const service = new TestService(processor, options);
  await service.start();
  return service;
}

/** A processor at work in memory. */
export class TestService implements TestRun {
  readonly deliveries: DeliveryResult[] = [];
  readonly deadLetters: DeadLetter[] = [];
  readonly sent: SentMessage[] = [];
  readonly queueName: string;
  readonly #clock: TestClock;
  readonly #queue: RecordingQueue;
  readonly #service: Service;
  /** Messages of the own queue that are not done yet: when they are due, and their bytes. */
  readonly #open = new Map<string, { dueAt: number; readonly body: Uint8Array }>();
  #onChange: () => void = () => undefined;
  #running: Promise<unknown> | undefined;
  #hasEnded = false;

  constructor(processor: ProcessorClass | MessageProcessor, options: TestServiceOptions) {
    const { queueName = 'test_queue', concurrency = 1, processTimeout, log = silentLog } = options;
    this.queueName = queueName;
    this.#clock = new TestClock((options.now ?? new Date()).getTime());
    const events = new ServiceEvents((thrown) =>
      log.error({ error: describeThrown(thrown) }, 'listener failed'),
    );
    logEvents(events, log);
    events.listen((event) => {
      if (event.kind === 'delivery-ended') this.#record(event);
    });
    const context = {
      connectionName: 'test',
      log,
      clock: this.#clock,
      emit: (event: BrokerEvent) => events.emit(event),
    };
    this.#queue = new RecordingQueue(context, (name, body) => this.#noteSent(name, body));
    const instance = typeof processor === 'function' ? new processor() : processor;
    this.#service = createMessageService({
      adapter: this.#queue,
      processor: instance,
      queues: [
        {
          queueName,
          deadLetterQueueName: `${queueName}_dead`,
          concurrency,
          process: (message, context) => instance.process(message, context),
          schema: schemaOf(processor),
        },
      ],
      retry: retryPolicy(options),
      processTimeoutMs: processTimeout === undefined ? undefined : processTimeout * 1000,
      shutdownTimeoutMs: 0,
      consumeConfig: undefined,
      clock: this.#clock,
      events,
      processorLog: log,
    });
  }

  /** The clock's time. */
  get now(): Date {
    return new Date(this.#clock.now());
  }

  async start(): Promise<void> {
    await this.#queue.connect();
    await this.#queue.ensureQueue(this.queueName);
    this.#running = this.#service.run().then(() => {
      this.#hasEnded = true;
      this.#onChange();
    });
    await this.#clock.advance(0);
    this.#throwFailure();
  }

  /** Puts a message (any JSON value) on the queue. Resolves with its id; does not wait for it to be processed. */
  send(message: unknown, headers?: Headers): Promise<string> {
    return this.sendBody(encodeMessage(message), headers);
  }

  /** As `send`, with any bytes: for what is not JSON. */
  async sendBody(body: Uint8Array, headers: Headers = {}): Promise<string> {
    const messageId = randomUUID();
    this.#open.set(messageId, { dueAt: this.#clock.now(), body });
    await this.#queue.put(this.queueName, body, { messageId, headers });
    return messageId;
  }

  /** Moves the clock on by that many seconds: retries come due, time limits run out. */
  async advance(seconds: number): Promise<void> {
    await this.#clock.advance(seconds * 1000);
  }

  /** Resolves when no message is in work or due; those that wait for a retry do not count. */
  async idle(): Promise<void> {
    for (;;) {
      this.#throwFailure();
      const changed = new Promise<void>((resolve) => (this.#onChange = resolve));
      if (![...this.#open.values()].some(({ dueAt }) => dueAt <= this.#clock.now())) return;
      await changed;
    }
  }

  /** Moves the clock from one retry to the next until every message is done or a dead letter. */
  async finish(): Promise<void> {
    await this.idle();
    while (this.#open.size > 0) {
      const dueAt = Math.min(...[...this.#open.values()].map((message) => message.dueAt));
      await this.#clock.advance(Math.max(0, dueAt - this.#clock.now()));
      await this.idle();
    }
  }

  /** Ends the service: `stop` of the processor is called, what is in work is handed back. */
  async stop(): Promise<void> {
    this.#service.stop('the test is over');
    // The drain waits by the clock that nobody else moves.
    while (!this.#hasEnded) await this.#clock.advance(1000);
    await this.#running;
  }

  /** A service that has ended does no more work, so nothing may wait for it. */
  #throwFailure(): void {
    if (this.#service.failure !== undefined) throw toError(this.#service.failure);
    if (this.#hasEnded) throw new Error('the service has been stopped');
  }

  /** Notes what the processor sends; what it sends to itself has to be processed as well. Returns the message's id. */
  #noteSent(queueName: string, body: Uint8Array): string {
    const messageId = randomUUID();
    this.sent.push({ queueName, message: JSON.parse(Buffer.from(body).toString()) as unknown });
    if (queueName === this.queueName) this.#open.set(messageId, { dueAt: this.#clock.now(), body });
    return messageId;
  }

  #record({ messageId, attempt, outcome }: DeliveryEnded): void {
    const base = { messageId, attempt, outcome: outcome.kind };
    const message = this.#open.get(messageId);
    switch (outcome.kind) {
      case 'retry': {
        const delay = outcome.delayMs / 1000;
        this.deliveries.push({ ...base, delay, error: `${outcome.error.name}: ${outcome.error.message}` });
        if (message) message.dueAt = this.#clock.now() + outcome.delayMs;
        break;
      }
      case 'dead': {
        const { reason } = outcome;
        const error = `${outcome.error.name}: ${outcome.error.message}`;
        this.deliveries.push({ ...base, reason, error });
        this.deadLetters.push({
          messageId,
          body: message?.body ?? Buffer.of(),
          reason,
          error,
          attempts: attempt,
        });
        this.#open.delete(messageId);
        break;
      }
      case 'done':
        this.#open.delete(messageId);
        this.deliveries.push(base);
        break;
      case 'requeue':
        this.deliveries.push(base);
    }
    this.#onChange();
  }
}

/** The embedded queue, which tells what is sent by way of the adapter: by the processor. */
class RecordingQueue extends SqliteConnection {
  readonly #onSend: (queueName: string, body: Uint8Array) => string;

  /** @param onSend gives the message its id */
  constructor(context: AdapterContext, onSend: (queueName: string, body: Uint8Array) => string) {
    super({ path: ':memory:' }, context);
    this.#onSend = onSend;
  }

  /** Sends for the test itself. */
  put(queueName: string, body: Uint8Array, options: SendOptions): Promise<void> {
    return super.sendMessage(queueName, body, options);
  }

  /** Other services' queues are taken to be there. */
  override async sendMessage(queueName: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    await this.ensureQueue(queueName);
    await super.sendMessage(queueName, body, { ...options, messageId: this.#onSend(queueName, body) });
  }
}

/** The defaults are those of the environment. */
function retryPolicy({ maxAttempts, initialDelay, factor, maxDelay }: TestServiceOptions): RetryPolicy {
  const { retry } = readSettings({}, { serviceDirectory: '.', isTerminal: false }).settings;
  return {
    maxAttempts: maxAttempts ?? retry.maxAttempts,
    initialDelayMs: initialDelay === undefined ? retry.initialDelayMs : initialDelay * 1000,
    factor: factor ?? retry.factor,
    maxDelayMs: maxDelay === undefined ? retry.maxDelayMs : maxDelay * 1000,
  };
}

function schemaOf(processor: ProcessorClass | MessageProcessor): StandardSchema | undefined {
  const processorClass = typeof processor === 'function' ? processor : processor.constructor;
  return (processorClass as Partial<ProcessorClass>).schema;
}
