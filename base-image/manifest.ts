// A package.json as the build of an image reads it: its dependencies, and which of them are given by a path.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { BuildFault } from './fault.ts';

/** The lists of a package.json whose packages are installed. */
export const dependencyFields = ['dependencies', 'optionalDependencies', 'devDependencies'] as const;

export type DependencyField = (typeof dependencyFields)[number];

/** A package.json; fields that are not named here are kept unchanged. */
export interface Manifest extends Partial<Record<DependencyField, Readonly<Record<string, string>>>> {
  readonly name?: string;
  readonly version?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly workspaces?: readonly string[] | { readonly packages?: readonly string[] };
  readonly [field: string]: unknown;
}

/** One entry of a list of dependencies. */
export interface Dependency {
  readonly field: DependencyField;
  readonly name: string;
  /** The text in package.json: a range, a tag, a path. */
  readonly wanted: string;
}

/**
 * @param file as the error names it
 * @throws BuildFault it is not a JSON object
 */
export function parseManifest(text: string, file: string): Manifest {
  let manifest: unknown;
  try {
    // npm allows a byte order mark.
    manifest = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new BuildFault(`${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (manifest === null || typeof manifest !== 'object' || Array.isArray(manifest)) {
    throw new BuildFault(`${file} is not a JSON object`);
  }
  return manifest as Manifest;
}

/** The package.json of a directory; undefined if there is none. Throws BuildFault as `parseManifest` does. */
export function readManifest(directory: string): Manifest | undefined {
  const file = path.join(directory, 'package.json');
  return existsSync(file) ? parseManifest(readFileSync(file, 'utf8'), file) : undefined;
}

/** All dependencies; those for development only if they are wanted. */
export function dependenciesOf(manifest: Manifest, includesDev: boolean): Dependency[] {
  return dependencyFields
    .filter((field) => includesDev || field !== 'devDependencies')
    .flatMap((field) =>
      Object.entries(manifest[field] ?? {}).map(([name, wanted]) => ({ field, name, wanted })),
    );
}

/** The path that a dependency is given by, relative to its package.json or absolute; undefined for all others. */
export function localPath(wanted: string): string | undefined {
  if (wanted.startsWith('file:')) return wanted.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
  return /^(\.{1,2}(\/|$)|\/)/.test(wanted) ? wanted : undefined;
}

/** Forms that other package managers write, and npm does not know. */
export function isForeign(wanted: string): boolean {
  return /^(workspace|link|portal|catalog):/.test(wanted);
}

/** The lockfile that npm would use in a directory; the first wins. */
export function findLockfile(directory: string): string | undefined {
  return ['npm-shrinkwrap.json', 'package-lock.json']
    .map((name) => path.join(directory, name))
    .find((file) => existsSync(file));
}

/** The folders in `workspaces` of a root package.json, as written there. */
export function workspacePatterns({ workspaces = [] }: Manifest): readonly string[] {
  return Array.isArray(workspaces)
    ? (workspaces as readonly string[])
    : ((workspaces as { packages?: readonly string[] }).packages ?? []);
}
