// What SQS takes for text, and how large it may be. Pure.

/** SQS API, SendMessage: these characters only, as XML 1.0 has them. With `u`, a lone surrogate is no match. */
const allowed = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u;

const forbidden = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** SQS developer guide, "Quotas": body and attributes of a message, and of all messages of a batch, in bytes. */
export const largestMessageBytes = 1_048_576;

export function isSqsText(text: string): boolean {
  return allowed.test(text);
}

/** The text with a replacement character for each that SQS forbids, cut to `limit` characters. */
export function cleanText(text: string, limit: number): string {
  return text.slice(0, limit).replace(forbidden, '\uFFFD');
}

/** A body as the text that SQS would keep; undefined where it would not keep these bytes. */
export function bodyText(body: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    return text !== '' && isSqsText(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

export function byteLength(text: string): number {
  return Buffer.byteLength(text);
}
