// Dead letters as a developer reads them on the terminal. Logs never hold bodies; here the developer asked for them. Pure.
import type { MessageFacts } from '../../messaging/message.ts';
import { escapeControls } from '../../escape.ts';
import { header } from '../../messaging/dead-letter.ts';

/** The longest part of a body that is shown, in characters. */
const longestExcerpt = 200;

/** A dead letter in a few lines: when and why it became one, and how its body begins. */
export function describeDeadLetter({ messageId, headers, body }: MessageFacts): string {
  const value = (name: string) => {
    const found = headers[name];
    return typeof found === 'string' || typeof found === 'number' ? escapeControls(String(found)) : undefined;
  };
  const attempts = value(header.attempts);
  const facts = [
    value(header.lastSeen) ?? 'at an unknown time',
    value(header.reason) ?? 'for no reason given',
    ...(attempts === undefined ? [] : [`after ${attempts} ${attempts === '1' ? 'attempt' : 'attempts'}`]),
  ];
  const error = value(header.error);
  return [
    `  ${escapeControls(messageId)}`,
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
  // Without half of a surrogate pair at the end.
  const shown = text.slice(0, longestExcerpt).replace(/[\ud800-\udbff]$/, '');
  const rest = shown.length < text.length ? `… (${body.byteLength} bytes)` : '';
  return escapeControls(shown) + rest;
}
