// Finds the file that an import in TypeScript means, by the rules of its compiler.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Endings of source files, the best first. */
export const sourceExtensions = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'] as const;

/** The sources of which a file with such an ending may be the build: imports name it before it is built. */
const sourcesOf: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx'],
  '.jsx': ['.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
};

/**
 * The file that an import of `target` means: `lib/handler.js` and `lib/handler` may both be `lib/handler.ts`, and `lib` may be
 * `lib/index.ts`.
 *
 * @param target absolute
 * @returns undefined if there is no such file
 */
export function findSource(target: string): string | undefined {
  const { dir, name, ext } = path.parse(target);
  const sources = (sourcesOf[ext] ?? []).map((ending) => path.join(dir, name + ending));
  const completed = [target, path.join(target, 'index')].flatMap((stem) =>
    [...sourceExtensions, '.json'].map((ending) => stem + ending),
  );
  return [target, ...sources, ...completed].find(isFile);
}

/** The text of a file; undefined if it cannot be read, which Node's own error explains. */
export function readSource(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** The names in a directory; none if there is no such directory. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Whether there is a file of that name. */
export function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The `type` of the package that a file belongs to; undefined if its package.json has none. */
export function packageTypeOf(file: string): 'module' | 'commonjs' | undefined {
  try {
    const manifest = findPackageJSON(pathToFileURL(file));
    if (manifest === undefined) return undefined;
    const { type } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly type?: unknown };
    return type === 'module' || type === 'commonjs' ? type : undefined;
  } catch {
    // A package.json that cannot be read: Node's own error says so.
    return undefined;
  }
}
