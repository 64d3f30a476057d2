// Escapes text for a regular expression. Node 22 has no RegExp.escape.

/** The source of a regular expression that matches the text and nothing else. */
export function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
