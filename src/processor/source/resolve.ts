// Resolves the imports of a service's files: by their path aliases, as Node does, or else to the source that they mean.
import path from 'node:path';
import type { ResolveHookContext, ResolveHookSync } from 'node:module';
import { pathToFileURL } from 'node:url';
import { ownFile } from '../../own-file.ts';
import { findSource } from './path.ts';
import { tsconfigOf } from './tsconfig.ts';

/** The next hook, or Node itself. */
export type Resolve = Parameters<ResolveHookSync>[2];

/** What an import resolves to. */
export type Resolved = ReturnType<ResolveHookSync>;

const notFound = ['ERR_MODULE_NOT_FOUND', 'ERR_UNSUPPORTED_DIR_IMPORT', 'MODULE_NOT_FOUND'];

/** Resolves an import of a service's file: by its path aliases, as Node does, or else to the file that it means. */
export function resolveFrom(
  parent: string,
  specifier: string,
  context: ResolveHookContext,
  next: Resolve,
): Resolved {
  const resolveFile = (file: string) => next(isImport(context) ? pathToFileURL(file).href : file, context);
  const aliased = aliasedFile(parent, specifier);
  if (aliased !== undefined) return resolveFile(aliased);
  try {
    return next(specifier, context);
  } catch (error) {
    const meant = meantFile(parent, specifier, error as NodeJS.ErrnoException & { url?: string });
    if (meant === undefined) throw error;
    return resolveFile(meant);
  }
}

/** The source that an import means which Node has not found. */
function meantFile(
  parent: string,
  specifier: string,
  { code, url }: NodeJS.ErrnoException & { readonly url?: string },
): string | undefined {
  if (!notFound.includes(code ?? '')) return undefined;
  if (specifier.startsWith('.')) return findSource(path.resolve(path.dirname(parent), specifier));
  // An alias of package.json ("imports"), or the entry of another package of the workspace, that is not built.
  const missing = ownFile(url);
  return missing === undefined ? undefined : findSource(missing);
}

/** The source that a path alias of a file's tsconfig.json leads to; undefined if it is none, or leads to no file. */
export function aliasedFile(importer: string, specifier: string): string | undefined {
  if (/^(\.|\/|node:|file:)/.test(specifier)) return undefined;
  const aliases = tsconfigOf(importer)?.aliasesOf(specifier) ?? [];
  return aliases.map(findSource).find((file) => file !== undefined);
}

/** Whether an import is resolved, rather than a `require`. Node 22 passes a set of conditions to a `require`. */
export function isImport({ conditions }: ResolveHookContext): boolean {
  return new Set(conditions).has('import');
}
