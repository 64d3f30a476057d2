// Loads a tool that a service has installed: a service's own tsx or compiler, not one of the host.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** An installed package, as seen from some file. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** Loads one of its modules, by the specifier that an import of it would have. */
  readonly load: (specifier: string) => unknown;
  /** Absolute; the file that `exports` names for an import of a module of it. */
  readonly fileOf: (subpath: string) => string | undefined;
}

interface Manifest {
  readonly version?: string;
  readonly exports?: Readonly<
    Record<string, string | { readonly import?: string | { readonly default?: string } }>
  >;
}

/**
 * The package that an import in `file` finds: in its own package, or in a workspace above it. Undefined if there is none.
 * The package must not hide its package.json.
 */
export function findPackage(name: string, file: string): InstalledPackage | undefined {
  const load = createRequire(pathToFileURL(file));
  try {
    // Not findPackageJSON of node:module, which knows no Plug'n'Play.
    const manifestFile = load.resolve(`${name}/package.json`);
    const { version = '', exports } = JSON.parse(readFileSync(manifestFile, 'utf8')) as Manifest;
    return {
      name,
      version,
      load: (specifier) => load(specifier) as unknown,
      fileOf: (subpath) => {
        const entry = exports?.[subpath];
        const imported = typeof entry === 'object' ? entry.import : entry;
        const target = typeof imported === 'object' ? imported.default : imported;
        return target === undefined ? undefined : path.join(path.dirname(manifestFile), target);
      },
    };
  } catch {
    // Not installed.
    return undefined;
  }
}
