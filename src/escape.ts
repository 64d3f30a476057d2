// Shows control characters as escapes: in a terminal or a log, they could hide text or imitate other lines. Pure.

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\u001b': '\\e' };

/** The text with each control character (Unicode category Cc) as an escape, such as `\n` or `\u0007`. */
export function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, escapeOne);
}

/** As `escapeControls`, but keeps line ends and tabs: for text that has several lines. */
export function escapeTerminal(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, escapeOne);
}

function escapeOne(character: string): string {
  return named[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
