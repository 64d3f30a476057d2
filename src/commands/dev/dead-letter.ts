// Dead letters as a developer reads them on the terminal. Pure. Bodies stay out of logs; here one has asked to see them.
import type { MessageFacts } from '../../messaging/adapter.ts';
import { header } from '../../messaging/dead-letter.ts';

/** How much of a body is shown, in characters. */
const longestExcerpt = 200;

/** A dead letter in a few lines: when, why, and what it was. */
export function describeDeadLetter({ messageId, headers, body }: MessageFacts): string {
  const value = (name: string) => {
    const found = headers[name];
    return typeof found === 'string' || typeof found === 'number' ? legible(String(found)) : undefined;
  };
  const attempts = value(header.attempts);
  const facts = [
    value(header.lastSeen) ?? 'at an unknown time',
    value(header.reason) ?? 'for no reason given',
    ...(attempts === undefined ? [] : [`after ${attempts} ${attempts === '1' ? 'attempt' : 'attempts'}`]),
  ];
  const error = value(header.error);
  return [
    `  ${legible(messageId)}`,
    `    ${facts.join(', ')}`,
    ...(error === undefined ? [] : [`    ${error}`]),
    `    ${excerpt(body)}`,
  ].join('\n');
}

/** The beginning of a body as one line. */
export function excerpt(body: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return `${body.byteLength} bytes that are not UTF-8`;
  }
  if (text === '') return 'an empty body';
  // Not through the middle of a surrogate pair.
  const shown = text.slice(0, longestExcerpt).replace(/[\ud800-\udbff]$/, '');
  const rest = shown.length < text.length ? `… (${body.byteLength} bytes)` : '';
  return legible(shown) + rest;
}

/** Text of a stranger, safe for a terminal: what would move the cursor or turn the writing round is escaped. */
function legible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
