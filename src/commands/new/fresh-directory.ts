// Writes files into a directory that is new or empty: all of them, or none. Owns no knowledge of what they are.
import { closeSync, openSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeDirectory } from '../../directory.ts';
import { SvchostError, toError, UsageError } from '../../errors.ts';

/**
 * Writes files, and takes back what it has made where one cannot be written. Never writes over a file.
 *
 * @param directory absolute; made where it is missing
 * @param files their content, by paths in the directory
 * @throws UsageError something is there already
 * @throws SvchostError it cannot be written
 */
export function writeFresh(directory: string, files: ReadonlyMap<string, string>): void {
  refuseTaken(directory);
  const made: string[] = [];
  const written: string[] = [];
  try {
    for (const [name, content] of files) {
      const file = path.join(directory, name);
      makeDirectory(path.dirname(file), undefined, (directory) => made.push(directory));
      // Not over a file that another process has written since.
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
    throw new SvchostError('NOT_WRITTEN', `nothing was written: ${toError(cause).message}`, { cause });
  }
}

/**
 * Refuses a directory that is not empty, and a path that can be none.
 *
 * @throws UsageError
 */
export function refuseTaken(directory: string): void {
  try {
    if (readdirSync(directory).length === 0) return;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    const what = code === 'ENOTDIR' ? 'there is a file of that name, or above it' : message;
    throw new UsageError(`cannot make ${directory}: ${what}; choose another directory`);
  }
  throw new UsageError(
    `${directory} is there and not empty, so nothing was written; choose another directory`,
  );
}

/** Removes files, and the directories that are empty without them. */
function takeBack(files: readonly string[], directories: readonly string[]): void {
  for (const file of files) rmSync(file, { force: true });
  for (const directory of directories.toSorted((a, b) => b.length - a.length)) {
    try {
      rmdirSync(directory);
    } catch {
      // Somebody else has put something there.
    }
  }
}
