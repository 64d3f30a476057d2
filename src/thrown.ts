// A thrown value, made safe to look at: user code can throw anything. Pure.
import { toError } from './errors.ts';

/** The longest texts of an error: the headers of a dead letter share 64 KiB, and an error's message may quote a body. */
const longest = { name: 100, message: 1000, stack: 10_000 };

/** An error as log lines and dead letters show it; texts are cut to a bounded length. */
export interface DescribedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** Describes anything that was thrown. Never throws. */
export function describeThrown(thrown: unknown): DescribedError {
  const error: { name: unknown; message: unknown; stack?: unknown } = toError(legible(thrown));
  return {
    name: text(error.name)?.slice(0, longest.name) ?? 'Error',
    message: cutMessage(text(error.message) ?? ''),
    stack: text(error.stack)?.slice(0, longest.stack),
  };
}

/** A message of an error at a bounded length: 1000 characters. */
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
    for (const field of ['name', 'message', 'stack', 'code']) Reflect.get(thrown, field);
    return thrown;
  } catch {
    return new Error('an object was thrown that cannot be read');
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
