// Loads the processors of a service directory: tries the modules in order; if none has one, the error lists them.
import path from 'node:path';
import { ProcessorError } from '../errors.ts';
import {
  asksForSeveral,
  chooseProcessors,
  findProcessors,
  type ExportedProcessor,
  type Exports,
} from './exported.ts';
import { explainImportFailure } from './import-failure.ts';
import { findModules, type ModuleCandidate, type ModuleCandidates } from './module.ts';
import type { ServiceDirectory } from './directory.ts';
import { openSources, type SourceLoader, type Sources } from './source/sources.ts';
import { describeUnfinished } from './source/unfinished.ts';

/** A processor, and its module. */
export interface LoadedProcessor {
  /** For display: relative to the service directory, or a package's name. */
  readonly module: string;
  /** Its name: the class's, or that of the export. */
  readonly type: string;
  readonly processor: ExportedProcessor;
}

/** The processors of a service directory that PROCESSOR_TYPE chooses, one at least. */
export interface Loaded {
  readonly processors: readonly LoadedProcessor[];
  /** What loads their code. */
  readonly loader: SourceLoader;
  readonly warnings: readonly string[];
}

/** PROCESSOR_MODULE and PROCESSOR_TYPE: used if inference finds none or several. */
export interface ProcessorChoice {
  readonly module: string | undefined;
  readonly type: string | undefined;
}

/** A module that has been imported. */
interface ImportedModule extends Exports {
  readonly candidate: ModuleCandidate;
}

/**
 * Finds and imports the processors.
 *
 * @throws ProcessorError no module, no processor, several of either and no choice, or a module that cannot be imported
 */
export async function loadProcessors(service: ServiceDirectory, choice: ProcessorChoice): Promise<Loaded> {
  const sources = openSources();
  const candidates = findModules(service, choice.module);
  const found = asksForSeveral(choice.type)
    ? await importAll(candidates, service, sources)
    : await importFirst(candidates, service, choice, sources);
  const { modules, looked } = found;
  const [first] = modules;
  if (!first) throw new ProcessorError(describeNothingFound(service, choice, candidates, looked));
  const place = modules.map(({ candidate }) => candidate.name).join(', ');
  const processors = distinct(modules.flatMap(processorsOf), place);
  const chosen = chooseProcessors({
    processors: processors.map(({ processor }) => processor),
    place,
    configured: choice.type,
  });
  return {
    processors: processors.filter(({ processor }) => chosen.includes(processor)),
    loader: sources.loader,
    warnings: unusedModule(choice, candidates, first.candidate),
  };
}

/** The modules with processors, and what the others export, for the error. */
interface Search {
  readonly modules: readonly ImportedModule[];
  readonly looked: readonly string[];
}

/** The first module with a processor. A function counts only if no module has anything better. */
async function importFirst(
  candidates: ModuleCandidates,
  service: ServiceDirectory,
  choice: ProcessorChoice,
  sources: Sources,
): Promise<Search> {
  const imported: ImportedModule[] = [];
  for (const candidate of inOrder(candidates, service, choice)) {
    const module = await importModule(candidate, service, sources);
    if (module.processors.length > 0) return { modules: [module], looked: [] };
    imported.push(module);
  }
  const modules = imported.filter(({ functions }) => functions.length > 0).slice(0, 1);
  return { modules, looked: imported.map(describeExports) };
}

/** All modules with processors, or else with functions. */
async function importAll(
  { entry, nearest, configured }: ModuleCandidates,
  service: ServiceDirectory,
  sources: Sources,
): Promise<Search> {
  const imported: ImportedModule[] = [];
  for (const candidate of distinctFiles([entry, ...nearest, configured])) {
    imported.push(await importModule(candidate, service, sources));
  }
  const better = imported.filter(({ processors }) => processors.length > 0);
  const modules = better.length > 0 ? better : imported.filter(({ functions }) => functions.length > 0);
  return { modules, looked: imported.map(describeExports) };
}

function describeExports({ candidate, exported }: ImportedModule): string {
  return `${candidate.name} exports ${exported.join(', ') || 'nothing'}`;
}

function processorsOf({ candidate, processors, functions }: ImportedModule): LoadedProcessor[] {
  const exported = processors.length > 0 ? processors : functions;
  return exported.map((processor) => ({ module: candidate.name, type: processor.name, processor }));
}

/**
 * Each processor once, if several modules export it.
 *
 * @throws ProcessorError two of them have the same name
 */
function distinct(processors: readonly LoadedProcessor[], place: string): readonly LoadedProcessor[] {
  const known = new Map<string, LoadedProcessor>();
  for (const each of processors) {
    const other = known.get(each.type);
    if (other && other.processor.process !== each.processor.process) {
      throw new ProcessorError(`${place} export two processors named ${each.type}; give one another name`);
    }
    if (!other) known.set(each.type, each);
  }
  return [...known.values()];
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
          ? 'set PROCESSOR_MODULE to one of them, or PROCESSOR_TYPE to * to run all'
          : `PROCESSOR_MODULE "${choice.module}" is none of them`),
    );
  }
  const inferred = others.length > 0 ? undefined : first;
  return distinctFiles([entry, inferred, configured]);
}

function distinctFiles(candidates: readonly (ModuleCandidate | undefined)[]): ModuleCandidate[] {
  const present = candidates.filter((candidate) => candidate !== undefined);
  return present.filter(
    ({ path: file }, index) => present.findIndex((other) => other.path === file) === index,
  );
}

function describeSeveral(nearest: readonly ModuleCandidate[]): string {
  return `several processor modules: ${nearest.map(({ name }) => name).join(', ')}`;
}

async function importModule(
  candidate: ModuleCandidate,
  { path: directory, name: packageName }: ServiceDirectory,
  sources: Sources,
): Promise<ImportedModule> {
  const { path: file, name } = candidate;
  try {
    return { candidate, ...findProcessors(await sources.import(file, directory), packageName) };
  } catch (cause) {
    if (cause instanceof ProcessorError) throw cause;
    const { constructs, imported } = sources;
    const explanation = explainImportFailure({ directory, cause, constructs, files: imported.files });
    throw new ProcessorError(`cannot load ${name}: ${explanation}`, { cause });
  }
}

/** Warns of a PROCESSOR_MODULE that was not used: often a Python name left in an old .env. */
function unusedModule(
  choice: ProcessorChoice,
  { configured }: ModuleCandidates,
  used: ModuleCandidate,
): string[] {
  if (choice.module === undefined || configured?.path === used.path) return [];
  const found = `using ${used.name}, which was found without it`;
  return [
    configured
      ? `PROCESSOR_MODULE "${choice.module}" is a fallback only; ${found} ("main" in package.json chooses another)`
      : `PROCESSOR_MODULE "${choice.module}" does not resolve; ${found}`,
  ];
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
    'Export a class that extends BaseServiceProcessor (or one named …ServiceProcessor with a process method), what ' +
    'defineProcessor returns, or a function from processor.ts, or set PROCESSOR_MODULE to the module that does'
  );
}
