// Finds the files of a service directory that may hold the processor; loader.ts imports them.
import { readdirSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ProcessorError } from '../errors.ts';
import { readServiceDirectory, type ServiceDirectory } from './directory.ts';
import { isFile, sourceExtensions } from './source/path.ts';

/** File extensions of a module, sources before their build output. */
const extensions: readonly string[] = sourceExtensions;

/** Folders that usually hold build output or tests: searched only if there is no processor elsewhere. */
const secondChoice = /^(dist|build|out|coverage|tests?|__tests__)$/;

/** How many levels of a service's folders are searched. */
const deepest = 8;

/** A file that may hold the processor. */
export interface ModuleCandidate {
  /** Absolute. */
  readonly path: string;
  /** For display: relative to the service directory, or a package's name. */
  readonly name: string;
}

/** The modules that inference and PROCESSOR_MODULE found, in the order in which to try them. */
export interface ModuleCandidates {
  /** The entry that package.json names, if that file exists. */
  readonly entry: ModuleCandidate | undefined;
  /** The shallowest `processor.*`; several if they are equally near. */
  readonly nearest: readonly ModuleCandidate[];
  /** The file that PROCESSOR_MODULE names, if there is one. */
  readonly configured: ModuleCandidate | undefined;
}

/**
 * Finds the files that may hold a processor.
 *
 * @param configured PROCESSOR_MODULE: a path in the service directory, with or without extension, or a package's name
 * @throws ProcessorError PROCESSOR_MODULE leaves the service directory
 */
export function findModules(service: ServiceDirectory, configured: string | undefined): ModuleCandidates {
  const candidate = (file: string): ModuleCandidate => ({
    path: file,
    name: path.relative(service.path, file),
  });
  const entry = resolveEntry(service);
  return {
    entry: entry === undefined ? undefined : candidate(entry),
    nearest: nearestProcessors(service.path).map(candidate),
    configured: configured === undefined ? undefined : resolveConfigured(service, configured),
  };
}

function resolveEntry({ path: directory, entry }: ServiceDirectory): string | undefined {
  return entry === undefined ? undefined : resolveFile(path.resolve(directory, entry));
}

/** The file of that name, with or without its extension, or the index of that folder; undefined if there is none. */
function resolveFile(file: string): string | undefined {
  const index = path.join(file, 'index');
  return [file, ...[file, index].flatMap((name) => extensions.map((ending) => name + ending))].find(isFile);
}

function resolveConfigured(service: ServiceDirectory, configured: string): ModuleCandidate | undefined {
  const file = path.resolve(service.path, configured);
  const [first] = path.relative(service.path, file).split(path.sep);
  if (first === '..') {
    throw new ProcessorError(
      `PROCESSOR_MODULE "${configured}" leaves the service directory ${service.path}; ` +
        'name a module inside it, or a package',
    );
  }
  const inside = resolveFile(file);
  if (inside !== undefined) return { path: inside, name: path.relative(service.path, inside) };
  const found = resolvePackage(service, configured);
  return found === undefined ? undefined : { path: found, name: configured };
}

/** The entry of an installed package; its index if it names none, as in Node. */
function resolvePackage(service: ServiceDirectory, name: string): string | undefined {
  // Not a file in a package: the package's `exports` decide which of its files can be imported, and how.
  if (!/^(@[^/\\]+\/)?[^./\\@][^/\\]*$/.test(name)) return undefined;
  try {
    const manifest = findPackageJSON(name, pathToFileURL(path.join(service.path, 'package.json')));
    if (manifest === undefined) return undefined;
    const { path: directory, entry = 'index' } = readServiceDirectory(path.dirname(manifest));
    return resolveFile(path.resolve(directory, entry));
  } catch {
    // Not a package's name, or no such package: the caller's error names the variable.
    return undefined;
  }
}

/** The `processor.*` files nearest to the top; TypeScript beats JavaScript beside it, since that is built from it. */
function nearestProcessors(directory: string): string[] {
  const all = [...walk(directory, 0)];
  const sources = all.filter(({ isSecondChoice }) => !isSecondChoice);
  const files = sources.length > 0 ? sources : all;
  const depth = Math.min(...files.map((file) => file.depth));
  const nearest = files.filter((file) => file.depth === depth).map((file) => file.path);
  const typescript = nearest.filter((file) => /tsx?$/.test(file));
  return (typescript.length > 0 ? typescript : nearest).sort();
}

interface ProcessorFile {
  readonly path: string;
  readonly depth: number;
  readonly isSecondChoice: boolean;
}

function* walk(directory: string, depth: number, isSecondChoice = false): Generator<ProcessorFile> {
  const entries = readdirSync(directory, { withFileTypes: true });
  // A folder with its own package.json is another package.
  if (depth > 0 && entries.some(({ name }) => name === 'package.json')) return;
  for (const entry of entries) {
    const file = path.join(directory, entry.name);
    const { name, ext } = path.parse(entry.name);
    if (name === 'processor' && extensions.includes(ext) && isFile(file))
      yield { path: file, depth, isSecondChoice };
    if (entry.isDirectory() && depth < deepest && !/^(\.|node_modules$)/.test(entry.name)) {
      yield* walk(file, depth + 1, isSecondChoice || secondChoice.test(entry.name));
    }
  }
}
