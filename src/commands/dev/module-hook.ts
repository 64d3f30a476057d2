// Finds the files of a service's code: reports each module when it is imported, however late.
import { registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The code of svchost itself, which is not part of a service, even if it is linked instead of installed. */
const ownCode = path.resolve(import.meta.dirname, '../..') + path.sep;

/** Calls `onFiles` with the files, absolute, links resolved, that are imported or required from now on. */
export function followImports(onFiles: (files: readonly string[]) => void): void {
  const known = new Set<string>();
  const found: string[] = [];
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const result = nextResolve(specifier, context);
      const file = serviceFile(result.url);
      if (file !== undefined && !known.has(file)) {
        known.add(file);
        // One report for many: a module is seldom imported alone.
        if (found.push(file) === 1) setImmediate(() => onFiles(found.splice(0)));
      }
      return result;
    },
  });
}

/** Undefined for installed packages, and for modules that are not files: no edit changes them. */
function serviceFile(url: string): string | undefined {
  if (!url.startsWith('file:')) return undefined;
  const file = fileURLToPath(url);
  return file.startsWith(ownCode) || file.split(path.sep).includes('node_modules') ? undefined : file;
}
