// A message: its bytes, which are JSON in UTF-8 as the Python host writes and reads them, and the facts that travel with
// them. Pure.

/** A message's headers by name; values as the broker can hold them. */
export type Headers = Readonly<Record<string, unknown>>;

/** A message's bytes, and the facts that travel with them. */
export interface MessageFacts {
  /** The same at every attempt. Made by the adapter if the sender gave none. */
  readonly messageId: string;
  readonly body: Uint8Array;
  readonly headers: Headers;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
const encoder = new TextEncoder();

/**
 * The bytes of a message.
 *
 * @throws TypeError JSON cannot express it: undefined, a function, a BigInt, a cycle
 */
export function encodeMessage(message: unknown): Uint8Array {
  const json = JSON.stringify(message) as string | undefined;
  if (json === undefined) throw new TypeError(`a message must be a JSON value; found ${typeof message}`);
  return encoder.encode(json);
}

/**
 * The message in a body.
 *
 * @throws an error that never quotes the body: TypeError if it is not UTF-8, SyntaxError if it is not JSON,
 * RangeError if it is nested too deeply
 */
export function decodeMessage(body: Uint8Array): unknown {
  if (body.byteLength === 0) throw new SyntaxError('the body is empty');
  return parse(decode(body));
}

/* The engine's own errors are dropped on purpose: V8 quotes the text around a mistake, and no body may be logged. */
/* eslint-disable preserve-caught-error */

function decode(body: Uint8Array): string {
  try {
    return decoder.decode(body);
  } catch {
    throw new TypeError('the body is not UTF-8');
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    if (error instanceof RangeError) throw new RangeError('the body is nested too deeply');
    throw new SyntaxError('the body is not JSON');
  }
}
