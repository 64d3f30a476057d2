// The meaning of the lines that are typed into `svchost dev`. Pure.
import { UsageError } from '../../errors.ts';
import { parseMessage } from '../../messaging/ndjson.ts';

/** The request of a typed line. */
export type Typed =
  | {
      readonly kind: 'send';
      /** The processor that gets it; undefined for the only one. */
      readonly to: string | undefined;
      readonly body: Uint8Array;
    }
  | { readonly kind: Request }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'wrong'; readonly reason: string };

/** The request of a single letter. */
type Request = 'dead-letters' | 'restart' | 'quit' | 'help';

const requests = new Map<string, Request>([
  ['d', 'dead-letters'],
  ['r', 'restart'],
  ['q', 'quit'],
  ['h', 'help'],
  ['?', 'help'],
]);

/** All that can be typed, for people: the answer to `h`, and part of the help of the command. */
export const typedHelp = `
  s {"id": 1}   send a message to the queue of the service; of several processors, s Name {"id": 1} names one
  d             list the newest dead letters, if the broker can list messages
  r             restart
  q             drain and quit, as Ctrl-C does; a second Ctrl-C ends at once
  h             this list`.slice(1);

/** The meaning of a line. It is given as bytes, since a message is sent exactly as it was typed. */
export function readTyped(line: Uint8Array): Typed {
  const text = Buffer.from(line).toString().trim();
  if (text === '') return { kind: 'nothing' };
  const kind = requests.get(text);
  if (kind) return { kind };
  if (!/^s(\s|$)/.test(text)) return { kind: 'wrong', reason: 'unknown line: type h for a list' };
  return readSend(Buffer.from(line));
}

function readSend(line: Buffer): Typed {
  try {
    const rest = line.subarray(line.indexOf('s') + 1);
    // A word before the message, unless JSON has it.
    const [, name] = /^\s+([A-Za-z_$][\w$]*)\s+\S/.exec(rest.toString()) ?? [];
    const body = name === undefined ? rest : rest.subarray(rest.indexOf(name) + name.length);
    return { kind: 'send', to: name, body: parseMessage(body, 'the message', '; type it as s {"id": 1}') };
  } catch (error) {
    if (error instanceof UsageError) return { kind: 'wrong', reason: error.message };
    throw error;
  }
}
