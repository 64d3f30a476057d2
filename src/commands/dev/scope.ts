// What a service consists of, as far as an edit is concerned: which folders to watch, and which changes count.
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { envFiles } from '../../config/environment.ts';

/** What belongs to a service. All paths are absolute, links resolved. */
export interface Scope {
  /** Folders whose sources count, at any depth: the service's own, and those of packages that it links. */
  readonly roots: readonly string[];
  /** Files that count wherever they are: the code that is loaded, and env files. */
  readonly files: ReadonlySet<string>;
  /** Files and folders in which everything counts: what `--watch` names. */
  readonly data: readonly string[];
  /** Never counts, nor what its name begins with: the file of the embedded queue, and those that SQLite puts beside it. */
  readonly queueFile: string;
}

/** Folders in which nothing is written by hand: installed, built, or a tool's own. */
export function isForeign(folder: string): boolean {
  return /^(\..*|node_modules|dist|build|out|coverage)$/.test(folder);
}

/** Whether a path, relative to a root, is code: also code that is not loaded, as it may be what is missing. */
export function isSource(relative: string): boolean {
  const folders = relative.split(path.sep);
  const name = folders.pop() ?? '';
  return !folders.some(isForeign) && (name === 'package.json' || /^[^.].*\.[cm]?[jt]sx?$/.test(name));
}

/** Whether a change of `file` calls for a restart. */
export function isChange(file: string, { roots, files, data, queueFile }: Scope): boolean {
  if (file.startsWith(queueFile)) return false;
  return (
    files.has(file) ||
    data.some((named) => isWithin(named, file) && !hasPart(named, file, isHidden)) ||
    roots.some((root) => isWithin(root, file) && isSource(path.relative(root, file)))
  );
}

/** Whether a folder is one of those that are watched because of what may come to be in them. */
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

/**
 * The scope of a service.
 *
 * @param directory the service's, links resolved
 * @param loaded the files that its code consists of
 */
export function scopeOf(
  directory: string,
  loaded: ReadonlySet<string>,
  data: readonly string[],
  queueFile: string,
): Scope {
  const linked = [...loaded]
    .filter((file) => !isWithin(directory, file))
    .map((file) => packageOf(path.dirname(file)))
    // The folder of a whole repository, and the service in it: of that only the files that are loaded count.
    .filter((folder) => folder !== undefined && !isWithin(folder, directory));
  const env = envFiles.map((name) => path.join(directory, name));
  return {
    roots: [...new Set([directory, ...linked])].filter((folder) => folder !== undefined),
    // An env file may be a link to the one that several services share.
    files: new Set([...loaded, ...env, ...env.filter(existsSync).map((file) => realpathSync(file))]),
    data,
    queueFile,
  };
}

/** The folders that must be watched to hear of every change that counts, as they are now. */
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

/** Folders of tools and of installed packages: no data of a service, wherever they are. */
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
    // Gone in this moment, or not for us to read: then it holds no code of ours either.
    return [];
  }
}

/** The folder of the package that a folder belongs to; undefined where it belongs to none. */
function packageOf(folder: string): string | undefined {
  if (existsSync(path.join(folder, 'package.json'))) return folder;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : packageOf(parent);
}
