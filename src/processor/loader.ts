// Loads the processor class of a service directory: tries the modules in order; if none has one, the error lists them.
import path from 'node:path';
import { ProcessorError } from '../errors.ts';
import { chooseClass, findClasses } from './class.ts';
import { explainImportFailure } from './import-failure.ts';
import { findModules, type ModuleCandidate, type ModuleCandidates } from './module.ts';
import type { HostedProcessorClass } from './processor.ts';
import type { ServiceDirectory } from './directory.ts';
import { openSources, type SourceLoader, type Sources } from './source/sources.ts';
import { describeUnfinished } from './source/unfinished.ts';

/** A processor's class, and its module. */
export interface LoadedProcessor {
  /** For display: relative to the service directory, or a package's name. */
  readonly module: string;
  /** The class's name. */
  readonly type: string;
  readonly processorClass: HostedProcessorClass;
  /** What loads its code. */
  readonly loader: SourceLoader;
  readonly warnings: readonly string[];
}

/** PROCESSOR_MODULE and PROCESSOR_TYPE: used if inference finds none or several. */
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
  const sources = openSources();
  const candidates = findModules(service, choice.module);
  const looked: string[] = [];
  for (const candidate of inOrder(candidates, service, choice)) {
    const { classes, exported } = findClasses(await importModule(candidate, service, sources));
    if (classes.length === 0) {
      looked.push(`${candidate.name} exports ${exported.join(', ') || 'nothing'}`);
      continue;
    }
    const processorClass = chooseClass(classes, candidate.name, choice.type);
    const warnings = unusedChoices(choice, candidates, candidate, processorClass.name);
    const { loader } = sources;
    return { module: candidate.name, type: processorClass.name, processorClass, loader, warnings };
  }
  throw new ProcessorError(describeNothingFound(service, choice, candidates, looked));
}

/** The reason why the last load has not ended. */
export function explainUnfinished(): string {
  return describeUnfinished(openSources().imported);
}

/** The modules to try, best first. */
function inOrder(
  { entry, nearest, configured }: ModuleCandidates,
  service: ServiceDirectory,
  choice: ProcessorChoice,
): ModuleCandidate[] {
  const [first, ...others] = nearest;
  if (others.length > 0 && !configured && !entry) {
    throw new ProcessorError(
      `${describeSeveral(nearest)} in ${service.path}; ` +
        (choice.module === undefined
          ? 'set PROCESSOR_MODULE to one of them'
          : `PROCESSOR_MODULE "${choice.module}" is none of them`),
    );
  }
  const inferred = others.length > 0 ? undefined : first;
  const ordered = [entry, inferred, configured].filter((candidate) => candidate !== undefined);
  return ordered.filter(
    ({ path: file }, index) => ordered.findIndex((other) => other.path === file) === index,
  );
}

function describeSeveral(nearest: readonly ModuleCandidate[]): string {
  return `several processor modules: ${nearest.map(({ name }) => name).join(', ')}`;
}

async function importModule(
  { path: file, name }: ModuleCandidate,
  { path: directory }: ServiceDirectory,
  sources: Sources,
): Promise<object> {
  try {
    return await sources.import(file, directory);
  } catch (cause) {
    if (cause instanceof ProcessorError) throw cause;
    const { constructs, imported } = sources;
    const explanation = explainImportFailure({ directory, cause, constructs, files: imported.files });
    throw new ProcessorError(`cannot load ${name}: ${explanation}`, { cause });
  }
}

/** Warns of a PROCESSOR_MODULE or PROCESSOR_TYPE that was not used: often a Python name left in an old .env. */
function unusedChoices(
  choice: ProcessorChoice,
  { configured }: ModuleCandidates,
  used: ModuleCandidate,
  type: string,
): string[] {
  const warnings: string[] = [];
  if (choice.module !== undefined && configured?.path !== used.path) {
    const found = `using ${used.name}, which was found without it`;
    warnings.push(
      configured
        ? `PROCESSOR_MODULE "${choice.module}" is a fallback only; ${found} ("main" in package.json chooses another)`
        : `PROCESSOR_MODULE "${choice.module}" does not resolve; ${found}`,
    );
  }
  if (choice.type !== undefined && choice.type !== type) {
    warnings.push(`PROCESSOR_TYPE "${choice.type}" is not the class found; using ${type}`);
  }
  return warnings;
}

function describeNothingFound(
  service: ServiceDirectory,
  choice: ProcessorChoice,
  { entry, nearest, configured }: ModuleCandidates,
  looked: readonly string[],
): string {
  const where = path.join(service.path, 'package.json');
  const named =
    service.entry === undefined
      ? `${where} has no entry ("exports" or "main")`
      : `${where} names "${service.entry}"`;
  const missing = service.entry === undefined || entry ? named : `${named}, which does not exist`;
  const unresolved =
    choice.module === undefined || configured ? [] : [`PROCESSOR_MODULE "${choice.module}" does not resolve`];
  const found = looked.length === 0 ? ['there is no processor.ts or .js'] : looked;
  const several = nearest.length > 1 ? [describeSeveral(nearest)] : [];
  return (
    `no processor in ${service.path}: ${[missing, ...unresolved, ...found, ...several].join('; ')}. ` +
    'Export a class that extends BaseServiceProcessor (or one named …ServiceProcessor with a process method) from ' +
    'processor.ts, or set PROCESSOR_MODULE to the module that does'
  );
}
