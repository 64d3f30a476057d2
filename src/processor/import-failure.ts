// Explains to a module's author why it cannot be imported: the error, its place, and the remedy. Pure.
import { pathToFileURL } from 'node:url';
import { toError } from '../errors.ts';

/** A module, and the error of its import. */
export interface ImportFailure {
  /** Its name, for display. */
  readonly module: string;
  /** The service directory. */
  readonly directory: string;
  readonly cause: unknown;
}

/** The error of an import, its place in the service's own files, and the remedy, as one sentence or two. */
export function explainImportFailure({ module, directory, cause }: ImportFailure): string {
  const error = toError(cause);
  const place = findPlace(error.stack ?? '', directory);
  // Node shows the place of a syntax error in JavaScript only if the error ends the process.
  const isOwnFile = /[jt]s$/.test(module);
  const where =
    place ?? (error instanceof SyntaxError && isOwnFile ? `"node ${module}" shows where` : undefined);
  const [what = ''] = error.message.split('\n');
  const advice = advise((cause as { code?: unknown } | undefined)?.code, error, module);
  return [where === undefined ? what : `${what} (${where})`, advice].filter((part) => part !== '').join('. ');
}

/** The first line of the service's own code in a stack: `lib/handler.ts:3:7`. */
function findPlace(stack: string, directory: string): string | undefined {
  const root = pathToFileURL(`${directory}/`).href;
  return stack
    .split('\n')
    .flatMap((line) => {
      const start = [root, `${directory}/`].find((prefix) => line.includes(prefix));
      if (start === undefined) return [];
      const place = line.slice(line.indexOf(start) + start.length);
      return /^[^\s:]*:\d+(:\d+)?/.exec(place)?.[0] ?? [];
    })
    .find((place) => !place.startsWith('node_modules/'));
}

function advise(code: unknown, { message }: Error, module: string): string {
  switch (code) {
    case 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX':
      return (
        'Node runs TypeScript by stripping its types, so enum, namespace and parameter properties do not work: ' +
        'rewrite it without them (tsconfig "erasableSyntaxOnly"), or compile it and let "main" in package.json name the result'
      );
    case 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING':
      return 'Node does not run TypeScript in node_modules: publish that package as JavaScript';
    case 'ERR_MODULE_NOT_FOUND':
    case 'ERR_UNSUPPORTED_DIR_IMPORT':
    case 'MODULE_NOT_FOUND':
      return 'Imports of your own files need the file extension ("./lib/handler.ts"); packages need npm install';
  }
  if (!/ts$/.test(module)) return '';
  if (message.includes('does not provide an export named'))
    return 'If it is a type, import it with "import type"';
  if (message === 'Invalid or unexpected token')
    return 'If it is a decorator: Node does not support decorators; compile the file first';
  return '';
}
