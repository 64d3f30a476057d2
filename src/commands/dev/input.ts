// What a line means that was typed into `svchost dev`. Pure.
import { UsageError } from '../../errors.ts';
import { parseMessage } from '../../messaging/ndjson.ts';

export type Typed =
  | { readonly kind: 'send'; readonly body: Uint8Array }
  | { readonly kind: Letter }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'wrong'; readonly reason: string };

type Letter = 'dead-letters' | 'restart' | 'quit' | 'help';

const letters = new Map<string, Letter>([
  ['d', 'dead-letters'],
  ['r', 'restart'],
  ['q', 'quit'],
  ['h', 'help'],
  ['?', 'help'],
]);

/** What may be typed, for people. */
export const help = [
  '  s {"id": 1}   send a message to the queue of the service',
  '  d             list the newest dead letters',
  '  r             restart',
  '  q             drain and quit, as Ctrl-C does; a second Ctrl-C ends at once',
  '  h             this list',
].join('\n');

/** The meaning of a line, given as bytes: a message is sent as it was typed. */
export function readTyped(line: Uint8Array): Typed {
  const text = Buffer.from(line).toString().trim();
  if (text === '') return { kind: 'nothing' };
  const kind = letters.get(text);
  if (kind) return { kind };
  if (!/^s(\s|$)/.test(text)) return { kind: 'wrong', reason: 'not known: type h for what there is' };
  return readSend(Buffer.from(line));
}

function readSend(line: Buffer): Typed {
  try {
    const body = line.subarray(line.indexOf('s') + 1);
    return { kind: 'send', body: parseMessage(body, 'the message', '; type it as s {"id": 1}') };
  } catch (error) {
    if (error instanceof UsageError) return { kind: 'wrong', reason: error.message };
    throw error;
  }
}
