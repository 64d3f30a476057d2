// Messages as people type them: lines of bytes, each one JSON value. Pure, but for reading its input.
import { UsageError } from '../errors.ts';

/** Lines as bytes, without their end. Not node:readline: it also breaks lines at U+2028, which JSON may hold as it is. */
export async function* readLines(input: NodeJS.ReadableStream): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk);
    let start = 0;
    for (let end = bytes.indexOf('\n'); end >= 0; end = bytes.indexOf('\n', start)) {
      yield Buffer.concat([...rest, bytes.subarray(start, end)]);
      rest = [];
      start = end + 1;
    }
    rest.push(bytes.subarray(start));
  }
  yield Buffer.concat(rest);
}

/**
 * The bytes of a message that was written as JSON, unchanged: read and written again, a number of more than 53 bits would
 * be another one.
 *
 * @param where the place of the text, for people, such as `line 3 of standard input`
 * @param hint the remedy, appended to the error
 * @throws UsageError it is not JSON; the error names the place and never quotes the text
 */
export function parseMessage(bytes: Uint8Array, where: string, hint = ''): Uint8Array {
  try {
    const json = new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim();
    JSON.parse(json);
    return Buffer.from(json);
  } catch {
    throw new UsageError(`${where} is not JSON${hint}`);
  }
}
