// Makes a thrown value safe to inspect: user code can throw anything. Pure.
import { toError } from './errors.ts';

/** Limits in characters: a dead letter's headers share 64 KiB, and an error's message may quote a whole body. */
const longest = { name: 100, message: 1000, stack: 10_000, innerStack: 2_000 };

/** How many causes of causes are described. */
const deepest = 3;

/** How many errors of an AggregateError are described. */
const mostErrors = 5;

/** An error as log lines show it; texts are cut to a bounded length. */
export interface DescribedError {
  readonly name: string;
  readonly message: string;
  /** Such as `ECONNREFUSED`. */
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: DescribedError;
  /** Those of an AggregateError, the first five. */
  readonly errors?: readonly DescribedError[];
}

/** Describes anything that was thrown, with its causes. Never throws. */
export function describeThrown(thrown: unknown): DescribedError {
  return describe(thrown, deepest);
}

/** As `describeThrown`, without stacks. */
export function describeBriefly(thrown: unknown): DescribedError {
  return withoutStacks(describe(thrown, deepest));
}

/**
 * An error's whole message and its causes, as in `not sent; caused by Error: connect ECONNREFUSED`. Leaves out causes that
 * the message quotes.
 */
export function explain(thrown: unknown): string {
  const { message }: ErrorFields = toError(legible(thrown));
  return `${text(message) ?? ''}${causesOf(describe(thrown, deepest))}`;
}

/** An error's message, cut to 1000 characters. */
export function cutMessage(message: string): string {
  return message.slice(0, longest.message);
}

/**
 * The value that was thrown, or an Error in its place if it cannot be read: a proxy, or an object whose getters throw.
 * Reporting a failure must not fail.
 */
export function legible(thrown: unknown): unknown {
  try {
    if (!(thrown instanceof Error)) return thrown;
    // Calls their getters, if they have any.
    for (const field of ['name', 'message', 'stack', 'code', 'cause', 'errors']) Reflect.get(thrown, field);
    return thrown;
  } catch {
    return new Error('an object was thrown that cannot be read');
  }
}

/** The fields of an error, which user code may have set to anything. */
interface ErrorFields {
  readonly name: unknown;
  readonly message: unknown;
  readonly stack?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

function describe(thrown: unknown, depth: number): DescribedError {
  const error: ErrorFields = toError(legible(thrown));
  const code = codeOf(error);
  const stack = text(error.stack)?.slice(0, depth === deepest ? longest.stack : longest.innerStack);
  const errors = depth > 0 ? errorsOf(error) : [];
  return {
    name: text(error.name)?.slice(0, longest.name) ?? 'Error',
    message: cutMessage(text(error.message) ?? ''),
    ...(code !== undefined && { code }),
    ...(stack !== undefined && { stack }),
    // Depth, not identity, ends a cycle.
    ...(depth > 0 && isCause(error.cause) && { cause: describe(error.cause, depth - 1) }),
    ...(errors.length > 0 && { errors: errors.map((each) => describe(each, Math.max(0, depth - 2))) }),
  };
}

function codeOf({ code }: ErrorFields): string | number | undefined {
  if (typeof code === 'string') return code.slice(0, longest.name);
  return typeof code === 'number' ? code : undefined;
}

/** Other values are not described: they may hold a message's content. */
function isCause(cause: unknown): boolean {
  return typeof cause === 'string' || isError(cause);
}

function errorsOf({ errors }: ErrorFields): readonly unknown[] {
  try {
    return Array.isArray(errors) ? errors.slice(0, mostErrors).filter(isError) : [];
  } catch {
    return [];
  }
}

function isError(value: unknown): boolean {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

function withoutStacks({ stack: _, cause, errors, ...rest }: DescribedError): DescribedError {
  return {
    ...rest,
    ...(cause && { cause: withoutStacks(cause) }),
    ...(errors && { errors: errors.map(withoutStacks) }),
  };
}

function causesOf({ message, cause, errors = [] }: DescribedError): string {
  const causes = [...(cause ? [cause] : []), ...errors];
  return causes
    .map((each) => {
      const isQuoted = each.message !== '' && message.includes(each.message);
      return `${isQuoted ? '' : `; caused by ${each.name}: ${inOneLine(each)}`}${causesOf(each)}`;
    })
    .join('');
}

function inOneLine({ message, code }: DescribedError): string {
  const isQuoted = code === undefined || message.includes(String(code));
  return isQuoted ? message : `${message} (${code})`;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
