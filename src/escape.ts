// Makes untrusted text safe for terminals and logs: characters that move the cursor, end a line or change the writing
// direction become escapes, so that no text can hide, or imitate other lines. Pure.

/** Unicode's categories: control, format, line separator, paragraph separator. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text in one line: each such character becomes an escape, as in `\n` or `\u001b`. */
export function escapeControls(text: string): string {
  return text.replace(unsafe, (character) => named[character] ?? hexadecimal(character));
}

/** As `escapeControls`, but keeps line ends and tabs: for text of several lines. */
export function escapeTerminal(text: string): string {
  return text.replace(unsafe, (character) =>
    character === '\n' || character === '\t' ? character : (named[character] ?? hexadecimal(character)),
  );
}

function hexadecimal(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
