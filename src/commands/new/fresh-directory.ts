// Writes files into a directory that is new or empty: all of them, or none.
import { closeSync, openSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeDirectory } from '../../directory.ts';
import { NotWrittenError, toError, UsageError } from '../../errors.ts';

/**
 * Writes files; if one cannot be written, removes those written before it. Never overwrites a file.
 *
 * @param directory absolute; created if it is missing
 * @param files their content, by their path in the directory
 * @throws UsageError the directory is not empty, or the path cannot be a directory
 * @throws NotWrittenError a file could not be written; none is left
 */
export function writeFresh(directory: string, files: ReadonlyMap<string, string>): void {
  refuseTaken(directory);
  const made: string[] = [];
  const written: string[] = [];
  try {
    for (const [name, content] of files) {
      const file = path.join(directory, name);
      makeDirectory(path.dirname(file), undefined, (directory) => made.push(directory));
      // Fails on a file that another process has written since.
      const descriptor = openSync(file, 'wx');
      written.push(file);
      try {
        writeFileSync(descriptor, content);
      } finally {
        closeSync(descriptor);
      }
    }
  } catch (cause) {
    takeBack(written, made);
    throw new NotWrittenError(`nothing was written: ${toError(cause).message}`, { cause });
  }
}

/**
 * Checks that a directory is empty or can be created.
 *
 * @throws UsageError it is not empty, or the path cannot be a directory
 */
export function refuseTaken(directory: string): void {
  try {
    if (readdirSync(directory).length === 0) return;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    const reason = code === 'ENOTDIR' ? 'it is a file, or inside one' : message;
    throw new UsageError(`cannot create ${directory}: ${reason}; choose another directory`);
  }
  throw new UsageError(`${directory} is not empty, so nothing was written; choose another directory`);
}

/** Removes files, and then the directories that are empty, the deepest first. */
function takeBack(files: readonly string[], directories: readonly string[]): void {
  for (const file of files) rmSync(file, { force: true });
  for (const directory of directories.toSorted((a, b) => b.length - a.length)) {
    try {
      rmdirSync(directory);
    } catch {
      // Another process has written something there.
    }
  }
}
