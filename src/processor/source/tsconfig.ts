// The tsconfig.json of a source file: path aliases and the options that decide how the file must be compiled.
import path from 'node:path';
import { createPathsMatcher, getTsconfig, type TsConfigJsonResolved } from 'get-tsconfig';
import { toError } from '../../errors.ts';

/** The part of a tsconfig.json that decides what the code means. */
export interface Tsconfig {
  /** Absolute. */
  readonly path: string;
  readonly options: NonNullable<TsConfigJsonResolved['compilerOptions']>;
  /** The files that an import may mean by `paths` and `baseUrl`, absolute, without endings. */
  readonly aliasesOf: (specifier: string) => readonly string[];
}

const known = new Map<string, Tsconfig | undefined>();

/**
 * The tsconfig.json that applies to a file: the nearest one above it, with what it extends. Undefined if there is none, or
 * if it cannot be read.
 */
export function tsconfigOf(file: string): Tsconfig | undefined {
  const directory = path.dirname(file);
  if (!known.has(directory)) known.set(directory, readTsconfig(directory));
  return known.get(directory);
}

/** Why the tsconfig.json that applies to a file cannot be read; undefined if it can. */
export function tsconfigFault(file: string): string | undefined {
  try {
    getTsconfig(path.dirname(file));
    return undefined;
  } catch (error) {
    return toError(error).message;
  }
}

function readTsconfig(directory: string): Tsconfig | undefined {
  try {
    const found = getTsconfig(directory);
    if (!found) return undefined;
    const matcher = createPathsMatcher(found);
    return {
      path: found.path,
      options: found.config.compilerOptions ?? {},
      aliasesOf: (specifier) => matcher?.(specifier) ?? [],
    };
  } catch {
    // It extends a file that is not installed, or is not JSON: see tsconfigFault.
    return undefined;
  }
}
