// Messages as people type them: one JSON value per line. Pure, except for reading its input.
import { UsageError } from '../errors.ts';

/**
 * Lines as bytes, without the line feed. Not node:readline, which also breaks lines at U+2028; JSON may contain that.
 */
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
 * The bytes of a message written as JSON, unchanged but trimmed: parsing and serialising it would alter numbers of more
 * than 53 bits.
 *
 * @param where the source of the text, for the error, such as `line 3 of standard input`
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
