// Makes directories.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Makes a directory and those above it that are missing. Not by `recursive`, which never ends below /proc: there the
 * system says ENOENT though the directory above is there.
 *
 * @param mode of the directories that are made; default: all rights that the process's umask leaves
 * @param onMade called with each directory that was made, the highest first
 * @throws Error as of node:fs, if one cannot be made
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
    // Another process has made it in this moment.
    if (isDirectory(directory)) return;
    throw error;
  }
  onMade(directory);
}

function isDirectory(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
