// From a service directory to its processor class: tries the modules in order, and says what was found where none fits.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ProcessorError, toError } from '../errors.ts';
import { chooseClass, findClasses } from './class.ts';
import { findModules, type ModuleCandidate, type ModuleCandidates } from './module.ts';
import type { ProcessorClass } from './processor.ts';
import type { ServiceDirectory } from './service.ts';

/** A processor's class and where it came from. */
export interface LoadedProcessor {
  /** As shown to people: relative to the service directory, or a package's name. */
  readonly module: string;
  /** The class's name. */
  readonly type: string;
  readonly processorClass: ProcessorClass;
  readonly warnings: readonly string[];
}

/** PROCESSOR_MODULE and PROCESSOR_TYPE: used where inference finds none or several. */
export interface ProcessorChoice {
  readonly module: string | undefined;
  readonly type: string | undefined;
}

/**
 * Finds and imports the processor.
 *
 * @throws ProcessorError no module, no class, several of either and no choice, or a module that cannot be imported
 */
export async function loadProcessor(
  service: ServiceDirectory,
  choice: ProcessorChoice,
): Promise<LoadedProcessor> {
  const candidates = findModules(service, choice.module);
  const looked: string[] = [];
  for (const candidate of inOrder(candidates, service)) {
    const { classes, exported } = findClasses(await importModule(candidate));
    if (classes.length === 0) {
      looked.push(`${candidate.name} exports ${exported.length === 0 ? 'nothing' : exported.join(', ')}`);
      continue;
    }
    const processorClass = chooseClass(classes, candidate.name, choice.type);
    const warnings = unusedChoices(choice, candidates, candidate, processorClass.name);
    return { module: candidate.name, type: processorClass.name, processorClass, warnings };
  }
  throw new ProcessorError(describeNothingFound(service, choice, looked));
}

/** The modules to try, best first. */
function inOrder(
  { entry, nearest, configured }: ModuleCandidates,
  service: ServiceDirectory,
): ModuleCandidate[] {
  const [first, ...others] = nearest;
  if (others.length > 0 && !configured && !entry) {
    throw new ProcessorError(
      `several processor modules in ${service.path}: ${nearest.map(({ name }) => name).join(', ')}; ` +
        'set PROCESSOR_MODULE to one of them',
    );
  }
  const inferred = others.length > 0 ? undefined : first;
  const ordered = [entry, inferred, configured].filter((candidate) => candidate !== undefined);
  return ordered.filter(
    ({ path: file }, index) => ordered.findIndex((other) => other.path === file) === index,
  );
}

async function importModule({ path: file, name }: ModuleCandidate): Promise<object> {
  try {
    return (await import(pathToFileURL(file).href)) as object;
  } catch (cause) {
    throw new ProcessorError(`cannot load ${name}: ${explainImportFailure(cause)}`, { cause });
  }
}

/** What went wrong with an import, and what to do about it. */
function explainImportFailure(cause: unknown): string {
  const { message } = toError(cause);
  switch ((cause as { code?: unknown } | undefined)?.code) {
    case 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX':
    case 'ERR_INVALID_TYPESCRIPT_SYNTAX':
      return (
        `${message}. TypeScript runs by stripping its types, which leaves no room for enum, namespace, parameter ` +
        'properties and decorators: write it without them (tsconfig "erasableSyntaxOnly"), or compile it and let ' +
        '"main" in package.json name the result'
      );
    case 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING':
      return `${message}. Node runs no TypeScript below node_modules: publish that package as JavaScript`;
    case 'ERR_MODULE_NOT_FOUND':
      return `${message}. Imports of own files need their ending ("./lib/handler.ts"); packages need npm install`;
    default:
      return message;
  }
}

/** A PROCESSOR_MODULE or PROCESSOR_TYPE that was not used: often a Python name left in an old .env. */
function unusedChoices(
  choice: ProcessorChoice,
  { configured }: ModuleCandidates,
  used: ModuleCandidate,
  type: string,
): string[] {
  const warnings: string[] = [];
  if (choice.module !== undefined && configured?.path !== used.path) {
    const why = configured ? 'was not needed' : 'does not resolve';
    warnings.push(`PROCESSOR_MODULE "${choice.module}" ${why}; using ${used.name}`);
  }
  if (choice.type !== undefined && choice.type !== type) {
    warnings.push(`PROCESSOR_TYPE "${choice.type}" is not the class found; using ${type}`);
  }
  return warnings;
}

function describeNothingFound(service: ServiceDirectory, choice: ProcessorChoice, looked: string[]): string {
  const where = path.join(service.path, 'package.json');
  const entry = service.entry === undefined ? `${where} names no entry` : `${where} names "${service.entry}"`;
  const configured = choice.module === undefined ? [] : [`PROCESSOR_MODULE is "${choice.module}"`];
  const found = looked.length === 0 ? ['no such file and no processor.ts or .js was found'] : looked;
  return (
    `no processor in ${service.path}: ${[entry, ...configured, ...found].join('; ')}. ` +
    'Export a class that extends BaseServiceProcessor (or one named …ServiceProcessor with a process method) from ' +
    'processor.ts, or set PROCESSOR_MODULE to the module that does'
  );
}
