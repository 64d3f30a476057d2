// A processor that is written as an object: its types follow from its schema, and its dependencies are made and closed for
// it.
import type {
  HostedProcessor,
  MessageContext,
  MessageOf,
  ScheduleContext,
  StandardSchema,
} from './processor.ts';

/** A registered symbol, so that other copies of this package recognise the object too. */
const brand = Symbol.for('rococo-svchost.defineProcessor');

/** The part of the context that holds the dependencies. */
export interface Dependent<Deps> {
  /** The result of the processor's `deps`. */
  readonly deps: Deps;
}

/** A processor, as `defineProcessor` takes it. */
export interface ProcessorDefinition<Schema extends StandardSchema, Deps extends object> {
  /** Checks each message, and decides its type. Default: any JSON value, of type `unknown`. */
  readonly schema?: Schema;
  /** The queue if its variable is not set; QUEUE_NAME_PREFIX comes before it. */
  readonly queueName?: string;
  /** How many messages are processed at once if CONCURRENCY is not set. Default: 1. */
  readonly concurrency?: number;
  /**
   * Makes what `process` needs, such as a connection pool, before `start`. At the end each of its values is closed, the last
   * first: by `Symbol.asyncDispose`, `Symbol.dispose`, or its method `close`, `end`, `dispose`, `destroy` or `$disconnect`,
   * whichever it has first. If the result itself has one of these, it alone is closed.
   */
  readonly deps?: () => Deps | Promise<Deps>;
  /** As `process` of a class. */
  process(message: MessageOf<Schema>, context: MessageContext & Dependent<Deps>): unknown;
  /** Awaited before the first message. */
  start?(context: Dependent<Deps>): unknown;
  /** Awaited after the last message, before the dependencies are closed. */
  stop?(context: Dependent<Deps>): unknown;
}

/** A processor that `defineProcessor` has made, for messages of this type. */
export interface DefinedProcessor<Message = unknown> {
  readonly [brand]: true;
  readonly schema: StandardSchema<unknown, Message> | undefined;
  readonly queueName: string | undefined;
  readonly concurrency: number | undefined;
  /** As it was given. */
  readonly process: unknown;
  /** Makes an instance for one run of a service. */
  readonly create: () => HostedProcessor;
}

/** Makes a processor of an object; export the result. Its messages and dependencies need no annotation. */
export function defineProcessor<Schema extends StandardSchema = StandardSchema, Deps extends object = object>(
  definition: ProcessorDefinition<Schema, Deps>,
): DefinedProcessor<MessageOf<Schema>> {
  const { schema, queueName, concurrency } = definition;
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency >= 1)) {
    throw new TypeError(`concurrency of a processor must be a whole number from 1, not ${concurrency}`);
  }
  return {
    [brand]: true,
    schema: schema as StandardSchema<unknown, MessageOf<Schema>> | undefined,
    queueName,
    concurrency,
    process: Reflect.get(definition, 'process'),
    create: () => new DefinedInstance(definition),
  };
}

/** Whether a value was made by `defineProcessor`, of any copy of this package. */
export function isDefined(value: unknown): value is DefinedProcessor {
  return typeof value === 'object' && value !== null && Reflect.get(value, brand) === true;
}

/** A processor of an object, with its dependencies. */
class DefinedInstance<Schema extends StandardSchema, Deps extends object> implements HostedProcessor {
  readonly #definition: ProcessorDefinition<Schema, Deps>;
  /** Undefined until they are made. */
  #dependent: Dependent<Deps> | undefined;

  constructor(definition: ProcessorDefinition<Schema, Deps>) {
    this.#definition = definition;
  }

  async start(): Promise<void> {
    this.#dependent = { deps: (await this.#definition.deps?.()) ?? ({} as Deps) };
    await this.#definition.start?.(this.#dependent);
  }

  /** By a message and its context, or on a schedule by the context alone. */
  process(first: unknown, second?: MessageContext): unknown {
    const definition = this.#definition as { process(...given: readonly unknown[]): unknown };
    const context = Object.assign((second ?? first) as MessageContext | ScheduleContext, this.#dependent);
    return second === undefined ? definition.process(context) : definition.process(first, context);
  }

  async stop(): Promise<void> {
    const dependent = this.#dependent;
    if (!dependent) return;
    try {
      await this.#definition.stop?.(dependent);
    } finally {
      await closeAll(dependent.deps);
    }
  }
}

/** The ways to close something, the best first. */
const closers = [Symbol.asyncDispose, Symbol.dispose, 'close', 'end', 'dispose', 'destroy', '$disconnect'];

/** @throws AggregateError some could not be closed; the others are closed all the same */
async function closeAll(deps: object): Promise<void> {
  const closables = closerOf(deps) ? [deps] : Object.values(deps).reverse();
  const errors: unknown[] = [];
  for (const each of closables as readonly unknown[]) {
    try {
      await closerOf(each)?.call(each);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'dependencies could not be closed');
}

function closerOf(value: unknown): ((this: unknown) => unknown) | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const name = closers.find((closer) => typeof Reflect.get(value, closer) === 'function');
  return name === undefined ? undefined : (Reflect.get(value, name) as (this: unknown) => unknown);
}
