// Finds what Node alone cannot run in a source file, by Node's own parser of TypeScript.
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

/** Something in a source file that Node does not run by itself. */
export interface Construct {
  /** For people: `an enum`. */
  readonly name: string;
  /** Where it begins, from 1. */
  readonly line: number;
}

/** A source file, and what decides how Node would run it. */
export interface Source {
  readonly code: string;
  /** Of its name, such as `.ts`. */
  readonly extension: string;
  /** Node runs it as an ES module: its package is of type `module`, or its extension says so. */
  readonly isModule: boolean;
}

/** Node's words for what it cannot strip, and ours. */
const names: readonly (readonly [RegExp, string])[] = [
  [/TypeScript enum/, 'an enum'],
  [/namespace|`module` keyword/, 'a namespace'],
  [/parameter property/, 'a parameter property'],
  [/import equals/, 'an "import x = …"'],
  [/export assignment/, 'an "export ="'],
  [/angle-bracket/, 'a type assertion in angle brackets'],
];

/** Parsing costs a millisecond per file: only files that may have such a construct are parsed. */
const suspicious =
  /\b(enum|namespace|module)\b|\bconstructor\b[^]*\b(public|private|protected|readonly|override)\b|\bimport\s+(type\s+)?\w+\s*=|\bexport\s*=|<[\w.[\]]+>\s*[\w({['"`]/;

/** The first construct that Node does not run; undefined if Node can run the file, or if the file is broken. */
export function findConstruct({ code, extension, isModule }: Source): Construct | undefined {
  if (extension === '.tsx' || extension === '.jsx') return { name: 'JSX', line: 1 };
  if (!/^\.[cm]?ts$/.test(extension)) return undefined;
  const text = withoutTexts(code);
  return (
    (suspicious.test(text) ? findUnsupported(code) : undefined) ??
    findText(text, decorator, 'a decorator') ??
    findNamedJson(code, text) ??
    (isModule ? undefined : findMixture(text, extension))
  );
}

/** Whether a file has imports or exports of ES modules that remain when its types are stripped. */
export function hasModuleSyntax(code: string): boolean {
  return moduleSyntax.test(withoutTexts(code));
}

/** Whether a file has an `await` outside of its functions: one that no indentation puts inside of something. */
export function hasTopLevelAwait(code: string): boolean {
  return /^(?! ).*\bawait\b/m.test(withoutTexts(code));
}

const decorator = /(?<=^|[\s(,;{}])@[A-Za-z_$]/m;
const namedImport = /^\s*import\s*\{(?!\s*default\b)[^}]*\}\s*from\s*(['"])/gm;
const moduleSyntax =
  /^\s*(import(?!\s*\()(?!\s+type\b)(?!\s+\w+\s*=)\b|export\s+(?!=|type\b|interface\b|declare\b))/m;
const commonJs =
  /\brequire\s*\(|\bmodule\.exports\b|^\s*exports\.\w|(?<![\w.])__(dirname|filename)\b(?!\s*=)/m;

/** An `import` in a file that is also written for CommonJS: as neither of the two can Node run it. */
function findMixture(text: string, extension: string): Construct | undefined {
  if (!moduleSyntax.test(text)) return undefined;
  if (extension === '.cts') return findText(text, moduleSyntax, 'an "import" or "export" in a .cts file');
  return findText(text, commonJs, 'CommonJS beside "import" or "export"');
}

/** The line of the first syntax error in a file, from 1; undefined if there is none, or if the file cannot be read. */
export function findSyntaxError(file: string): number | undefined {
  try {
    const code = readFileSync(file, 'utf8');
    withoutWarnings(() => stripTypeScriptTypes(code, { sourceUrl: 'source' }));
    return undefined;
  } catch (error) {
    const { code, stack } = error as NodeJS.ErrnoException;
    return code === 'ERR_INVALID_TYPESCRIPT_SYNTAX' ? lineIn(stack) : undefined;
  }
}

/** What Node's own parser refuses, other than syntax errors. */
function findUnsupported(code: string): Construct | undefined {
  try {
    withoutWarnings(() => stripTypeScriptTypes(code, { sourceUrl: 'source' }));
    return undefined;
  } catch (error) {
    const { code: reason, message, stack } = error as NodeJS.ErrnoException;
    if (reason !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') return undefined;
    const name = names.find(([words]) => words.test(message))?.[1] ?? message;
    return { name, line: lineIn(stack) };
  }
}

/** The line at the start of a stack of Node's parser. */
function lineIn(stack: string | undefined): number {
  return Number(/^source:(\d+)/.exec(stack ?? '')?.[1] ?? 1);
}

function findNamedJson(code: string, text: string): Construct | undefined {
  const found = [...text.matchAll(namedImport)].find((match) =>
    /^[^'"\n]*\.json['"]/.test(code.slice(match.index + match[0].length)),
  );
  return found && { name: 'a named import from JSON', line: lineOf(text, found) };
}

function findText(text: string, pattern: RegExp, name: string): Construct | undefined {
  const found = pattern.exec(text);
  if (!found) return undefined;
  return { name, line: lineOf(text, found) };
}

/** The line on which what was found begins, from 1. */
export function lineOf(text: string, { index, 0: found }: RegExpExecArray): number {
  const blanks = /^\s*/.exec(found)?.[0].length ?? 0;
  return text.slice(0, index + blanks).split('\n').length;
}

/** The code with blanks for its comments and for what is in its strings: every place and line stays as it is. */
export function withoutTexts(code: string): string {
  return code.replace(
    /\/\*[^]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g,
    (text) => {
      const quote = /^['"`]/.exec(text)?.[0] ?? '';
      return quote + text.slice(quote.length, text.length - quote.length).replace(/[^\n]/g, ' ') + quote;
    },
  );
}

/** The code with blanks for its types; undefined if Node cannot strip them. */
export function withoutTypes(code: string): string | undefined {
  try {
    return withoutWarnings(() => stripTypeScriptTypes(code));
  } catch {
    return undefined;
  }
}

/** Node warns that its parser is experimental, which no user of a service needs to know. */
function withoutWarnings<T>(work: () => T): T {
  const emit = Object.getOwnPropertyDescriptor(process, 'emitWarning');
  process.emitWarning = () => undefined;
  try {
    return work();
  } finally {
    if (emit) Object.defineProperty(process, 'emitWarning', emit);
  }
}
