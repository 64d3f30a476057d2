// Creates directories.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Creates a directory and its missing parents. Does not use `recursive`, which never returns below /proc: there mkdir
 * fails with ENOENT although the parent exists.
 *
 * @param mode of the directories that are created; default: all rights that the process's umask leaves
 * @param onMade called with each directory that was created, the highest first
 * @throws Error of node:fs: a directory cannot be created
 */
export function makeDirectory(
  directory: string,
  mode = 0o777,
  onMade: (made: string) => void = () => undefined,
): void {
  if (isDirectory(directory)) return;
  makeDirectory(path.dirname(directory), mode, onMade);
  try {
    mkdirSync(directory, mode);
  } catch (error) {
    // Another process has created it in the meantime.
    if (isDirectory(directory)) return;
    throw error;
  }
  onMade(directory);
}

function isDirectory(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
