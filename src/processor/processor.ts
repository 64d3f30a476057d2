// The interfaces that users implement, and the contexts that their methods are called with.
import type { Logger } from '../log.ts';

/** The second argument of `process`: facts about the message, a signal, a logger, and a way to send. */
export interface MessageContext {
  /** The message's id, the same at every attempt: use it to recognise a message that is delivered twice. */
  readonly messageId: string;
  readonly queueName: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** The last attempt: if it fails, the message becomes a dead letter. */
  readonly maxAttempts: number;
  /** The broker has delivered this attempt before: it was requeued, or its host died or lost its connection. */
  readonly redelivered: boolean;
  readonly headers: Readonly<Record<string, unknown>>;
  /** When the message was sent; undefined if neither the broker nor the sender says so. */
  readonly enqueuedAt: Date | undefined;
  /** The queue on which the sender awaits a reply; undefined if it awaits none. */
  readonly replyTo: string | undefined;
  /** The sender's own id of its request, to be sent back with the reply. */
  readonly correlationId: string | undefined;
  /**
   * Aborted by PROCESS_TIMEOUT, at the end of a drain, or when the delivery is lost: stop, the message is redelivered.
   */
  readonly signal: AbortSignal;
  /** A pino logger whose lines carry the message's id and attempt. */
  readonly log: Logger;
  /**
   * Sends a message (any JSON value) to a queue by its full name, over this service's broker. Resolves when the broker
   * has confirmed it.
   *
   * @throws UnroutableError there is no such queue
   * @throws SendError the broker has not confirmed it
   */
  send(queueName: string, message: unknown): Promise<void>;
}

/**
 * Business logic driven by messages. Returning or resolving, with any value, means done; throwing means that the
 * message is tried again later, until its attempts are used up; throwing a DeadLetterError gives up on it at once.
 */
export interface MessageProcessor<Message = unknown> {
  process(message: Message, context: MessageContext): unknown;
  /** Awaited before the first message. */
  start?(): unknown;
  /** Awaited after the last message. */
  stop?(): unknown;
}

/** How a run on a schedule ended: `process` resolved, threw, or took longer than PROCESS_TIMEOUT. */
export type RunOutcome = 'done' | 'failed' | 'timeout';

/** The previous run in this process. */
export interface LastRun {
  readonly scheduledFor: Date;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly outcome: RunOutcome;
}

/** The argument of `process` on a schedule: facts about the run, a signal, a logger, and a way to send. */
export interface ScheduleContext {
  /** The instant at which this run was due; the same on all replicas. */
  readonly scheduledFor: Date;
  /** Aborted by PROCESS_TIMEOUT, or at the end of a drain: stop working, the run counts as failed. */
  readonly signal: AbortSignal;
  /** A pino logger whose lines carry `scheduledFor`. */
  readonly log: Logger;
  /** Undefined for the first run since the start. */
  readonly lastRun: LastRun | undefined;
  /**
   * Sends a message (any JSON value) to a queue by its full name, over the broker that MESSAGING_TYPE names; connects
   * at the first call. Resolves when the broker has confirmed it.
   *
   * @throws ConfigurationError MESSAGING_TYPE is not set, or the broker's settings are wrong
   * @throws UnroutableError there is no such queue
   * @throws SendError the broker cannot be reached, or has not confirmed the message
   */
  send(queueName: string, message: unknown): Promise<void>;
}

/**
 * Business logic driven by a schedule (EXECUTION_TYPE=CRON). If it throws, this run has failed, which is logged, and
 * the schedule goes on. `process` is never called before its last call has ended.
 */
export interface ScheduleProcessor {
  process(context: ScheduleContext): unknown;
  /** Awaited before the schedule begins. */
  start?(): unknown;
  /** Awaited after the last run. */
  stop?(): unknown;
}

/**
 * A validator by the Standard Schema specification 1 (standardschema.dev): zod, valibot, arktype and others. As
 * `static schema` of a processor it checks each message, and its output is the message that `process` is called with.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** Never set: it tells TypeScript the types. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** The type of the messages that a schema accepts, as `process` is called with them. */
export type MessageOf<Schema extends StandardSchema> = Schema extends {
  readonly '~standard': { readonly types?: { readonly output: infer Output } | undefined };
}
  ? Output
  : never;

/** The result of a validation: a value or a list of issues. */
export type SchemaResult<Output = unknown> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

/** One reason why a message is invalid. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * The class of a processor that is driven by messages; constructed once, without arguments, when the host starts. Its
 * schema and its `process` must agree on the type of a message.
 */
export interface ProcessorClass<Message = unknown> {
  new (): MessageProcessor<Message>;
  readonly schema?: StandardSchema<unknown, Message>;
}

/** A processor as the host calls it: EXECUTION_TYPE says for which of the two calls of `process` it was written. */
export type HostedProcessor = MessageProcessor & ScheduleProcessor;

/** A class that the host found in a service; constructed once, without arguments. */
export interface HostedProcessorClass {
  new (): HostedProcessor;
  /** Of a class that is driven by messages. */
  readonly schema?: StandardSchema;
}

/** A registered symbol, so that other copies of this package recognise the class too. */
export const brand = Symbol.for('rococo-svchost.BaseServiceProcessor');

/** The base of processors that are driven by messages, as in the Python host. */
export abstract class BaseServiceProcessor<Message = unknown> implements MessageProcessor<Message> {
  static readonly [brand] = true;

  abstract process(message: Message, context: MessageContext): unknown;

  /**
   * The base of a processor whose messages are checked by a schema: a `process` for messages of another type does not
   * compile.
   */
  static for<Schema extends StandardSchema>(
    schema: Schema,
  ): (abstract new () => BaseServiceProcessor<MessageOf<Schema>>) & {
    readonly [brand]: true;
    readonly schema: Schema;
  } {
    abstract class SchemaProcessor extends BaseServiceProcessor<MessageOf<Schema>> {
      static readonly schema = schema;
    }
    return SchemaProcessor;
  }
}

/** Whether `value` is a class that extends BaseServiceProcessor, from any copy of this package. */
export function extendsBase(value: unknown): boolean {
  return typeof value === 'function' && Reflect.get(value, brand) === true;
}
