// Reads env files by the rules of python-dotenv, from which the Python host's users come. Pure.
import { parseEnv } from 'node:util';

/** Variables by name, as in `process.env`. */
export type Environment = Record<string, string | undefined>;

/** The variables of an env file, and what its writer should know. */
export interface EnvFile {
  readonly variables: Readonly<Record<string, string>>;
  /** Lines that set nothing, and values that other programs read differently; each names its line, no value. */
  readonly notes: readonly string[];
}

interface Binding {
  readonly name: string;
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

/**
 * Parses an env file. Quoted values may have several lines; in double quotes, `\n`, `\t`, `\"` and the like are escapes,
 * in single quotes `\'` and `\\`. An unquoted value ends at a `#` after a blank. `${NAME}` and `${NAME:-default}` stand for
 * the values of variables, of which those of `env` win over those of the file.
 */
export function parseEnvFile(content: string, env: Environment = {}): EnvFile {
  const { bindings, wrongLines } = parse(content.replace(/^\uFEFF/, ''));
  const variables: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const { name, value } of bindings) {
    variables[name] = expand(value, (each) => env[each] ?? variables[each]);
  }
  const ignored = wrongLines.map((line) => `line ${line} is not NAME=value; it is ignored`);
  return { variables: { ...variables }, notes: [...ignored, ...differences(content, variables, bindings)] };
}

/** python-dotenv, parser.py. `y` reads at the position; `[^\S\r\n]` is a blank within a line. */
const pattern = {
  blankLines: /\s*/y,
  blanks: /[^\S\r\n]*/y,
  export: /(?:export[^\S\r\n]+)?/y,
  comment: /#[^\r\n]*/y,
  quotedName: /'([^']+)'/y,
  name: /([^=#\s]+)/y,
  equals: /=[^\S\r\n]*/y,
  singleQuoted: /'((?:\\'|[^'])*)'/y,
  doubleQuoted: /"((?:\\"|[^"])*)"/y,
  unquoted: /([^\r\n]*)/y,
  lineEnd: /[^\S\r\n]*(?:#[^\r\n]*)?[^\S\r\n]*(?:\r\n|\n|\r|$)/y,
  restOfLine: /[^\r\n]*(?:\r\n|\n|\r)?/y,
};

/** Reads a text from left to right. */
class Reader {
  readonly #text: string;
  #position = 0;
  #lines = 1;
  #countedTo = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  get next(): string {
    return this.#text.charAt(this.#position);
  }

  /** The number of the current line, from 1. Must be asked in the order of the text: it counts on from the last time. */
  get line(): number {
    const since = this.#text.slice(this.#countedTo, this.#position);
    this.#lines += since.match(/\r\n|\n|\r/g)?.length ?? 0;
    this.#countedTo = this.#position;
    return this.#lines;
  }

  /** Reads what matches here: its first group, or all of it. Undefined, and nothing is read, if nothing matches. */
  read(regex: RegExp): string | undefined {
    regex.lastIndex = this.#position;
    const match = regex.exec(this.#text);
    if (!match) return undefined;
    this.#position = regex.lastIndex;
    return match[1] ?? match[0];
  }

  /** Calls `work`; goes back to where it began if that returns undefined. */
  attempt<T>(work: () => T | undefined): T | undefined {
    const start = this.#position;
    const result = work();
    if (result === undefined) this.#position = start;
    return result;
  }
}

function parse(text: string): { bindings: Binding[]; wrongLines: number[] } {
  const reader = new Reader(text);
  const bindings: Binding[] = [];
  const wrongLines: number[] = [];
  for (;;) {
    reader.read(pattern.blankLines);
    if (reader.isAtEnd) return { bindings, wrongLines };
    const { line } = reader;
    const binding = reader.attempt(() => readBinding(reader, line));
    if (binding === undefined) {
      reader.read(pattern.restOfLine);
      wrongLines.push(line);
    } else if (binding !== 'nothing') bindings.push(binding);
  }
}

/** `nothing` for a comment, or a name without a value, which sets nothing; undefined if the line is wrong. */
function readBinding(reader: Reader, line: number): Binding | 'nothing' | undefined {
  reader.read(pattern.export);
  if (reader.next === '#') {
    reader.read(pattern.comment);
    return 'nothing';
  }
  const name = reader.read(reader.next === "'" ? pattern.quotedName : pattern.name);
  if (name === undefined) return undefined;
  reader.read(pattern.blanks);
  const value = reader.read(pattern.equals) === undefined ? undefined : readValue(reader);
  if (reader.read(pattern.lineEnd) === undefined) return undefined;
  return value === undefined ? 'nothing' : { name, value, line };
}

/** Undefined if a quote is not closed. */
function readValue(reader: Reader): string | undefined {
  if (reader.next === "'") return reader.read(pattern.singleQuoted)?.replace(/\\([\\'])/g, '$1');
  if (reader.next === '"') return reader.read(pattern.doubleQuoted)?.replace(/\\([\\'"abfnrtv])/g, unescape);
  return reader
    .read(pattern.unquoted)
    ?.replace(/\s+#.*/, '')
    .trimEnd();
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function unescape(_match: string, character: string): string {
  return escapes[character] ?? character;
}

/** python-dotenv, variables.py. */
function expand(value: string, valueOf: (name: string) => string | undefined): string {
  return value.replace(
    /\$\{([^}:]*)(?::-([^}]*))?\}/g,
    (_match, name: string, fallback = '') => valueOf(name) ?? String(fallback),
  );
}

/** The values that `node --env-file` would read differently: much the same goes for other programs. */
function differences(
  content: string,
  variables: Readonly<Record<string, string>>,
  bindings: readonly Binding[],
): string[] {
  const others = parseEnv(content.replace(/^\uFEFF/, ''));
  const last = new Map(bindings.map(({ name, line }) => [name, line]));
  return [...last]
    .filter(([name]) => Object.hasOwn(others, name) && others[name] !== variables[name])
    .map(
      ([name, line]) =>
        `line ${line}: ${name} is read as python-dotenv reads it, and differently by other programs; ` +
        'quote the value to make it clear',
    );
}
