// Finds the module that a load which does not end waits for. Pure, but for reading the sources.
import path from 'node:path';
import { hasTopLevelAwait } from './construct.ts';
import { readSource } from './path.ts';

/** An import of one file by another; absolute. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

/** The modules of a service that have been imported. */
export interface Imported {
  /** Absolute. */
  readonly directory: string;
  /** Absolute, in the order of their imports. */
  readonly files: readonly string[];
  readonly imports: readonly Import[];
}

/** The reason why an import has not ended, as in `lib/a.ts awaits processor.ts, which imports it`. */
export function describeUnfinished({ directory, files, imports }: Imported): string {
  const name = (file: string) => path.relative(directory, file);
  const awaiting = files.filter((file) => hasTopLevelAwait(readSource(file) ?? ''));
  const circle = imports.find(({ from, to }) => awaiting.includes(from) && reachable(to, imports).has(from));
  if (circle) return `${name(circle.from)} awaits ${name(circle.to)}, which imports it`;
  const last = awaiting.at(-1);
  return last === undefined
    ? 'no module of the service has an await at its top level'
    : `${name(last)} awaits something at its top level`;
}

/** The files that a file imports, directly or not. */
function reachable(file: string, imports: readonly Import[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (each: string) => {
    for (const { from, to } of imports) {
      if (from !== each || found.has(to)) continue;
      found.add(to);
      visit(to);
    }
  };
  visit(file);
  return found;
}
