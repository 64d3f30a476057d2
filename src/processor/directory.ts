// The service directory: its package.json, which gives the service its name and version.
import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { ProcessorError, toError } from '../errors.ts';

/** A directory with a package.json, and a processor somewhere in it. */
export interface ServiceDirectory {
  /** Absolute, links resolved. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** The entry that package.json names (`exports` before `main`, as in Node); relative. */
  readonly entry: string | undefined;
}

/**
 * Reads the package.json of a service directory.
 *
 * @throws ProcessorError there is none, or it is not a JSON object
 */
export function readServiceDirectory(directory: string): ServiceDirectory {
  const file = path.join(directory, 'package.json');
  const manifest = readManifest(file);
  return {
    path: realpathSync(directory),
    name: text(manifest['name']) ?? path.basename(path.resolve(directory)),
    version: text(manifest['version']) ?? '0.0.0',
    entry: exportsEntry(manifest['exports']) ?? text(manifest['main']),
  };
}

function readManifest(file: string): Record<string, unknown> {
  let manifest: unknown;
  try {
    // npm allows a byte order mark.
    manifest = JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new ProcessorError(
      missing
        ? `no ${file}: start svchost in a service directory, or name one with --dir`
        : `cannot read ${file}: ${toError(cause).message}`,
      { cause },
    );
  }
  if (manifest === null || typeof manifest !== 'object' || Array.isArray(manifest)) {
    throw new ProcessorError(`${file} is not a JSON object`);
  }
  return manifest as Record<string, unknown>;
}

/**
 * The file that `exports` gives for the package itself, with the conditions that apply to a host on Node, best first.
 */
function exportsEntry(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports;
  if (exports === null || typeof exports !== 'object' || Array.isArray(exports)) return undefined;
  const conditions = exports as Record<string, unknown>;
  if ('.' in conditions) return exportsEntry(conditions['.']);
  for (const condition of ['node', 'import', 'module-sync', 'require', 'default']) {
    const entry = exportsEntry(conditions[condition]);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
