// The files of a service, as far as edits are concerned: which folders to watch, and which changes count.
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { envFiles } from '../../config/environment.ts';

/** The files that belong to a service. All paths are absolute, links resolved. */
export interface Scope {
  /** Folders whose sources count, at any depth: the service's own, and those of linked packages. */
  readonly roots: readonly string[];
  /** Files that count wherever they are: loaded code, and env files. */
  readonly files: ReadonlySet<string>;
  /** Files that count, and folders in which every file does: those that `--watch` names. */
  readonly data: readonly string[];
  /**
   * The file of the embedded queue; undefined with another broker. Neither it nor any path that begins with its name
   * counts: SQLite writes files beside it.
   */
  readonly queueFile?: string | undefined;
}

/** Whether a folder, by its name, is installed, built, or a tool's own: nobody writes in it by hand. */
export function isForeign(folder: string): boolean {
  return /^(\..*|node_modules|dist|build|out|coverage)$/.test(folder);
}

/** Whether a path, relative to a root, is code. It need not be loaded: it may be the module that was missing. */
export function isSource(relative: string): boolean {
  const folders = relative.split(path.sep);
  const name = folders.pop() ?? '';
  return !folders.some(isForeign) && (name === 'package.json' || /^[^.].*\.[cm]?[jt]sx?$/.test(name));
}

/** Whether a change of `file` requires a restart. */
export function isChange(file: string, { roots, files, data, queueFile }: Scope): boolean {
  if (queueFile !== undefined && file.startsWith(queueFile)) return false;
  return (
    files.has(file) ||
    data.some((named) => isWithin(named, file) && !hasPart(named, file, isHidden)) ||
    roots.some((root) => isWithin(root, file) && isSource(path.relative(root, file)))
  );
}

/** Whether a folder is watched for any file that may appear in it, rather than for one that is known. */
export function isWalked(folder: string, { roots, data }: Scope): boolean {
  return (
    roots.some((root) => isWithin(root, folder) && !hasPart(root, folder, isForeign)) ||
    data.some((named) => isWithin(named, folder) && !hasPart(named, folder, isHidden))
  );
}

/** Whether `file` is `folder`, or in it at any depth. */
export function isWithin(folder: string, file: string): boolean {
  return file === folder || file.startsWith(folder.endsWith(path.sep) ? folder : folder + path.sep);
}

/** The facts that decide the scope of a service. All paths are absolute, links resolved. */
export interface ScopeSources extends Pick<Scope, 'data' | 'queueFile'> {
  /** The service's. */
  readonly directory: string;
  /** The files of its code. */
  readonly loaded: ReadonlySet<string>;
}

/** The scope of a service. */
export function scopeOf({ directory, loaded, data, queueFile }: ScopeSources): Scope {
  const linked = [...loaded]
    .filter((file) => !isWithin(directory, file))
    .map((file) => packageOf(path.dirname(file)))
    // If a package contains the service, such as the root of a repository, only those of its files count that are loaded.
    .filter((folder) => folder !== undefined && !isWithin(folder, directory));
  const env = envFiles.map((name) => path.join(directory, name));
  return {
    roots: [...new Set([directory, ...linked])].filter((folder) => folder !== undefined),
    // An env file may be a link to one that several services share.
    files: new Set([...loaded, ...env, ...env.filter(existsSync).map((file) => realpathSync(file))]),
    data,
    queueFile,
  };
}

/** The folders to watch for every change that counts, as they are now. */
export function foldersOf({ roots, files, data }: Scope): Set<string> {
  const folders = new Set([...files].map((file) => path.dirname(file)));
  for (const root of roots) walk(root, isForeign, folders);
  for (const named of data) {
    if (statSync(named, { throwIfNoEntry: false })?.isDirectory()) walk(named, isHidden, folders);
    else folders.add(path.dirname(named));
  }
  return folders;
}

function hasPart(root: string, file: string, isPart: (name: string) => boolean): boolean {
  return path.relative(root, file).split(path.sep).some(isPart);
}

/** Whether a folder, by its name, is a tool's or holds installed packages: its files are not data of a service. */
function isHidden(folder: string): boolean {
  return /^(\..+|node_modules)$/.test(folder);
}

function walk(folder: string, isLeftOut: (name: string) => boolean, folders: Set<string>): void {
  folders.add(folder);
  for (const entry of readFolder(folder)) {
    if (entry.isDirectory() && !isLeftOut(entry.name))
      walk(path.join(folder, entry.name), isLeftOut, folders);
  }
}

function readFolder(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // It has just been removed, or is not readable: then the service cannot load code from it either.
    return [];
  }
}

/** The folder of the package that a folder belongs to; undefined if it belongs to none. */
function packageOf(folder: string): string | undefined {
  if (existsSync(path.join(folder, 'package.json'))) return folder;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : packageOf(parent);
}
