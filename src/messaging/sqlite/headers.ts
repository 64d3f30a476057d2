// The headers of a message as the file keeps them: a JSON object. Pure.
import { header } from '../dead-letter.ts';
import type { Headers } from '../message.ts';

/** The headers in a column of the file. Text that is no JSON object, written by others, becomes one header. */
export function readHeaders(json: string): Headers {
  const value = parse(json);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Headers) : { [header.undecodable]: json };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
