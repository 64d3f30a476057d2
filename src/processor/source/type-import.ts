// Finds imports of types that do not say so: TypeScript leaves them out, and Node does not find what they name.
import { lineOf, withoutTexts, withoutTypes, type Construct } from './construct.ts';
import { readSource } from './path.ts';

const namedImport = /^[ \t]*import\s+(?!type\b)(?:[\w$]+\s*,\s*)?\{([^}]*)\}\s*from\s*['"]/gm;

/** How many modules an `export *` is followed through. */
const deepest = 4;

/**
 * The first import of a name that is used as a type only, if its module does not export it as a value as well.
 *
 * @param resolve the file of the service that a specifier means, absolute; undefined for packages, which are not read: a
 *   name that is used as a type only counts as one
 */
export function findTypeImport(
  code: string,
  resolve: (specifier: string, importer?: string) => string | undefined,
): Construct | undefined {
  const text = withoutTexts(code);
  let stripped: string | undefined;
  for (const found of text.matchAll(namedImport)) {
    const end = found.index + found[0].length;
    const rest = (whole: string) => `${whole.slice(0, found.index)}\n${whole.slice(end)}`;
    const names = namesOf(found[1] ?? '').filter(({ local }) => uses(rest(text), local));
    if (names.length === 0) continue;
    stripped ??= withoutTexts(withoutTypes(code) ?? code);
    const types = names.filter(({ local }) => !uses(rest(stripped ?? ''), local));
    const specifier = /^[^'"]*/.exec(code.slice(end))?.[0] ?? '';
    if (types.some(({ exported }) => isType(exported, specifier, resolve))) {
      return { name: 'an import of a type without "type"', line: lineOf(text, found) };
    }
  }
  return undefined;
}

interface ImportedName {
  readonly exported: string;
  readonly local: string;
}

/** The names of `{ a, b as c, type D }` that are imported as values. */
function namesOf(list: string): ImportedName[] {
  return list
    .split(',')
    .map((part) => part.trim().split(/\s+as\s+/))
    .flatMap(([exported = '', local = exported]) =>
      exported === '' || exported.startsWith('type ') ? [] : [{ exported, local }],
    );
}

function uses(text: string, name: string): boolean {
  return new RegExp(`(?<![\\w$.])${name.replaceAll('$', '\\$')}(?![\\w$])`).test(text);
}

function isType(name: string, specifier: string, resolve: Parameters<typeof findTypeImport>[1]): boolean {
  const builtin: unknown = process.getBuiltinModule(specifier);
  if (builtin !== undefined) return !(name in Object(builtin));
  const file = resolve(specifier);
  return file === undefined || exportsType(name, file, resolve, deepest);
}

function exportsType(
  name: string,
  file: string,
  resolve: Parameters<typeof findTypeImport>[1],
  depth: number,
): boolean {
  const code = readSource(file) ?? '';
  if (
    new RegExp(
      `^\\s*export\\s+(declare\\s+)?(type|interface)\\s+${name.replaceAll('$', '\\$')}\\b`,
      'm',
    ).test(code)
  ) {
    return true;
  }
  if (depth === 0) return false;
  const others = [...code.matchAll(/^\s*export\s+(?:type\s+)?\*\s*from\s*['"]([^'"]+)['"]/gm)];
  return others.some(([, specifier = '']) => {
    const next = resolve(specifier, file);
    return next !== undefined && exportsType(name, next, resolve, depth - 1);
  });
}
