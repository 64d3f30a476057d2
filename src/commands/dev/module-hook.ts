// Finds the files of a service's code: reports each module when it is imported, however late.
import { registerHooks } from 'node:module';
import { ownFile } from '../../own-file.ts';

/** Calls `onFiles` with the files, absolute, links resolved, that are imported or required from now on. */
export function followImports(onFiles: (files: readonly string[]) => void): void {
  const known = new Set<string>();
  const found: string[] = [];
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const result = nextResolve(specifier, context);
      const file = ownFile(result.url);
      if (file !== undefined && !known.has(file)) {
        known.add(file);
        // One report for many: a module is seldom imported alone.
        if (found.push(file) === 1) setImmediate(() => onFiles(found.splice(0)));
      }
      return result;
    },
  });
}
