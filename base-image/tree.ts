// Copies and removes folders. Sets the modes of all files in the image: readable by any user, writable by root only.
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';

/**
 * Copies a folder's content into another, and overwrites files there. Links stay links. Names in `leaveOut` are not copied,
 * at any depth, and neither are sockets and the like.
 *
 * @returns the paths that were left out, relative to `from`
 */
export function copyTree(from: string, to: string, leaveOut: ReadonlySet<string>, below = ''): string[] {
  mkdirSync(to, { recursive: true });
  chmodSync(to, 0o755);
  const leftOut: string[] = [];
  for (const name of readdirSync(from).sort()) {
    const [source, target] = [path.join(from, name), path.join(to, name)];
    const relative = path.join(below, name);
    const stat = lstatSync(source);
    if (leaveOut.has(name)) {
      leftOut.push(relative);
    } else if (stat.isDirectory()) {
      if (lstatSync(target, { throwIfNoEntry: false })?.isDirectory() === false) rmSync(target);
      leftOut.push(...copyTree(source, target, leaveOut, relative));
    } else if (stat.isSymbolicLink()) {
      rmSync(target, { recursive: true, force: true });
      symlinkSync(readlinkSync(source), target);
    } else if (stat.isFile()) {
      rmSync(target, { recursive: true, force: true });
      copyFileSync(source, target);
      chmodSync(target, stat.mode & 0o111 ? 0o755 : 0o644);
    } else {
      leftOut.push(relative);
    }
  }
  return leftOut;
}

/** Removes everything except folders named `kept` and their parents. Returns whether anything is left. */
export function pruneTree(directory: string, kept: string): boolean {
  let isKept = false;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const place = path.join(directory, entry.name);
    if (entry.isDirectory() && (entry.name === kept || pruneTree(place, kept))) {
      isKept = true;
    } else if (entry.isDirectory()) {
      rmdirSync(place);
    } else {
      rmSync(place);
    }
  }
  return isKept;
}

/** All folders of that name, except those inside one of them. */
export function* findFolders(directory: string, name: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const place = path.join(directory, entry.name);
    if (entry.name === name) yield place;
    else yield* findFolders(place, name);
  }
}

/** All files of that name, except those in folders named `except`. */
export function* findFiles(directory: string, name: string, except: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const place = path.join(directory, entry.name);
    if (entry.isDirectory() && entry.name !== except) yield* findFiles(place, name, except);
    else if (entry.name === name) yield place;
  }
}
