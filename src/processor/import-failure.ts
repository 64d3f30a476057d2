// Explains to a module's author why it cannot be imported: the true cause, its place, and the remedy. One table.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { toError } from '../errors.ts';
import { suggest } from '../suggestion.ts';
import { findSyntaxError } from './source/construct.ts';
import { describeInstall, isForDevelopment } from './source/package-manager.ts';
import { namesIn } from './source/path.ts';
import type { Place } from './source/sources.ts';
import { tsconfigFault, tsconfigOf } from './source/tsconfig.ts';

/** A module, and the error of its import. */
export interface ImportFailure {
  /** The service directory. */
  readonly directory: string;
  readonly cause: unknown;
  /** What Node alone cannot run in the files that were imported. */
  readonly constructs: readonly Place[];
  /** The files of the service that were imported, absolute. */
  readonly files: readonly string[];
}

/** A failure as the table reads it. */
interface Facts extends ImportFailure {
  /** The first line of the error. */
  readonly message: string;
  readonly code: string;
  /** The place in the service's own files, if the error has one: `lib/handler.ts:3:7`. */
  readonly place: string | undefined;
  /** What Node has not found: a package's name, or an absolute path. */
  readonly missing: string | undefined;
  /** The file whose import failed; absolute. */
  readonly importer: string | undefined;
}

/** The causes that are known, the most specific first: each explains an error if it is the cause. */
export const causes: Readonly<Record<string, (facts: Facts) => string | undefined>> = {
  construct: explainConstruct,
  'installed-typescript': explainInstalledTypeScript,
  alias: explainAlias,
  'missing-file': explainMissingFile,
  'missing-package': explainMissingPackage,
  'hidden-path': explainHiddenPath,
  'module-in-commonjs': explainModuleSyntax,
  'commonjs-in-module': explainCommonJs,
  'missing-export': explainMissingExport,
  syntax: explainSyntax,
  thrown: ({ message, place }) => at(message, place),
};

/** The error of an import, its place in the service's own files, and the remedy, as one sentence or two. */
export function explainImportFailure(failure: ImportFailure): string {
  const facts = factsOf(failure);
  const explanations = Object.values(causes).map((explain) => explain(facts));
  return explanations.find((explanation) => explanation !== undefined) ?? facts.message;
}

function factsOf(failure: ImportFailure): Facts {
  const error = toError(failure.cause);
  const { message, stack = '', code }: NodeJS.ErrnoException = error;
  return {
    ...failure,
    message: message.split('\n')[0] ?? '',
    code: typeof code === 'string' ? code : error.name,
    place: findPlace(stack, failure.directory),
    missing: pathOf(/Cannot find (?:module|package) '([^']+)'|^Directory import '([^']+)'/.exec(message)),
    importer: pathOf(/imported from (.+)$|Require stack:\n- (.+)/m.exec(message)),
  };
}

function explainConstruct({ constructs, code, message, directory }: Facts): string | undefined {
  const refusals = ['SyntaxError', 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX', 'ERR_UNKNOWN_FILE_EXTENSION'];
  // Node may also take the file for an ES module, which has none of these.
  const isRefused = refusals.includes(code) || commonJsName.test(message);
  const found = isRefused ? constructs.at(-1) : undefined;
  if (!found) return undefined;
  const place = `${inService(found.file, directory)}:${found.line}`;
  const remedy = isForDevelopment('tsx', path.join(directory, 'package.json'))
    ? 'tsx is in devDependencies, which are not installed here: move it to dependencies'
    : 'Run npm install tsx: svchost then uses it by itself';
  return `Node alone does not run ${found.name} (${place}). ${remedy}`;
}

function explainInstalledTypeScript({ code, message, directory }: Facts): string | undefined {
  if (code !== 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING') return undefined;
  const file = /file:[^"\s]+/.exec(message)?.[0];
  const name = file === undefined ? 'a file' : inService(fileURLToPath(file), directory);
  return `${name} is TypeScript in an installed package, which Node does not run: publish that package as JavaScript`;
}

function explainAlias({ missing, importer, directory }: Facts): string | undefined {
  if (missing === undefined || importer === undefined || path.isAbsolute(missing)) return undefined;
  const tsconfig = tsconfigOf(importer);
  const [target] = tsconfig?.aliasesOf(missing) ?? [];
  const isAlias = Object.keys(tsconfig?.options.paths ?? {}).some((alias) => matches(alias, missing));
  const from = inService(importer, directory);
  if (isAlias && tsconfig && target !== undefined) {
    const config = inService(tsconfig.path, directory);
    return `the path alias "${missing}" in ${from} means ${inService(target, directory)} (${config}), and there is no such file`;
  }
  if (!/^[@~#]\//.test(missing)) return undefined;
  const fault = tsconfigFault(importer);
  if (fault !== undefined) {
    return `"${missing}" in ${from} looks like a path alias, but its tsconfig.json cannot be read: ${fault}`;
  }
  return `"${missing}" in ${from} looks like a path alias, but no tsconfig.json above it has "paths" for it`;
}

function explainMissingFile({ missing, importer, directory }: Facts): string | undefined {
  if (missing === undefined || !path.isAbsolute(missing) || missing.includes('/node_modules/'))
    return undefined;
  const names = namesIn(path.dirname(missing));
  const stems = new Map(names.map((name) => [path.parse(name).name, name]));
  const similar = stems.get(suggest(path.parse(missing).name, [...stems.keys()]) ?? '');
  const from = importer === undefined ? '' : ` (imported by ${inService(importer, directory)})`;
  const meant = similar === undefined ? '' : `; did you mean ${similar}?`;
  return `there is no ${inService(missing, directory)}${from}${meant}`;
}

function explainMissingPackage({ missing, importer, directory }: Facts): string | undefined {
  if (missing === undefined) return undefined;
  const file = importer ?? path.join(directory, 'package.json');
  const name = /^(@[^/]+\/)?[^/]+/.exec(missing.split('/node_modules/').at(-1) ?? '')?.[0] ?? missing;
  const from = importer === undefined ? '' : ` (imported by ${inService(importer, directory)})`;
  return `the package "${name}" is not installed${from}: ${describeInstall(name, file)}`;
}

function explainHiddenPath({ code, message }: Facts): string | undefined {
  if (code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') return undefined;
  return `${message}: import one of the paths that "exports" in the package.json of that package names`;
}

function explainModuleSyntax({ message, place, directory, files }: Facts): string | undefined {
  if (!/^Cannot use import statement outside|^Unexpected token 'export'/.test(message)) return undefined;
  const where = place ?? inService(files.at(-1) ?? directory, directory);
  return (
    `${at(message, where)}: its package is CommonJS. ` +
    'Set "type": "module" in package.json, or give the file the extension .mjs'
  );
}

const commonJsName = /^(require|module|exports|__dirname|__filename) is not defined/;

function explainCommonJs({ message, place, code }: Facts): string | undefined {
  const [, name] = commonJsName.exec(message) ?? [];
  if (name === undefined && code !== 'ERR_REQUIRE_ASYNC_MODULE') return undefined;
  return (
    `${at(message, place)}: the file is an ES module. ` +
    'Use import and export (import.meta.dirname for __dirname), or give the file the extension .cjs'
  );
}

function explainMissingExport({ message, place }: Facts): string | undefined {
  if (!/does not provide an export named|^Named export/.test(message)) return undefined;
  return (
    `${at(message, place)}. If it is a type, import it with "import type" (or npm install tsx, which leaves it out); ` +
    'if that module is CommonJS, import its default export'
  );
}

function explainSyntax({ code, message, place, files, directory }: Facts): string | undefined {
  if (code !== 'SyntaxError' && code !== 'ERR_INVALID_TYPESCRIPT_SYNTAX') return undefined;
  if (place !== undefined) return at(message, place);
  // Node shows the place of a syntax error in JavaScript only if the error ends the process.
  const found = files
    .map((file) => ({ file, line: findSyntaxError(file) }))
    .find(({ line }) => line !== undefined);
  return at(message, found && `${inService(found.file, directory)}:${found.line}`);
}

function at(message: string, place: string | undefined): string {
  return place === undefined ? message : `${message} (${place})`;
}

/** A file's path as its author knows it. */
function inService(file: string, directory: string): string {
  return path.relative(directory, file) || '.';
}

/** Whether a name fits an alias of "paths", such as `@/*`. */
function matches(alias: string, name: string): boolean {
  const [start = '', end = ''] = alias.split('*');
  return alias.includes('*') ? name.startsWith(start) && name.endsWith(end) : alias === name;
}

function pathOf(match: RegExpExecArray | null): string | undefined {
  const found = match?.slice(1).find(Boolean);
  return found?.startsWith('file:') ? fileURLToPath(found) : found;
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
