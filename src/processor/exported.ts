// Finds the processors among the exports of a module: classes, objects and functions. Pure.
import { ProcessorError } from '../errors.ts';
import { isDefined } from './definition.ts';
import {
  brand,
  extendsBase,
  type HostedProcessor,
  type HostedProcessorClass,
  type StandardSchema,
} from './processor.ts';

/** A processor in any form, as a host uses it. */
export interface ExportedProcessor {
  /** The class's name, or that of the export; the queue's variable is named after it. */
  readonly name: string;
  readonly schema: StandardSchema | undefined;
  /** The queue if its variable is not set. */
  readonly queueName: string | undefined;
  /** If CONCURRENCY is not set. */
  readonly concurrency: number | undefined;
  /** As it was written. */
  readonly process: unknown;
  /** Makes the instance of one run of a service. */
  readonly create: () => HostedProcessor;
}

/** The processors among a module's exports. */
export interface Exports {
  /**
   * Classes that extend BaseServiceProcessor and what `defineProcessor` has made; if there are none, classes that are named
   * `…ServiceProcessor`; if there are none, objects with a `process` method.
   */
  readonly processors: readonly ExportedProcessor[];
  /** Functions that may be meant as `process`: the default export, or else all of them. */
  readonly functions: readonly ExportedProcessor[];
  /** The names of all exports, for display. */
  readonly exported: readonly string[];
}

/**
 * Finds the processors among a module's exports; those of a CommonJS module are also found below its `default`.
 *
 * @param packageName names processors that have no name of their own
 */
export function findProcessors(exports: object, packageName: string): Exports {
  const names = new Map<unknown, string>();
  for (const [name, value] of exportedValues(exports)) {
    if (!isNamed(names.get(value))) names.set(value, name);
  }
  const nameOf = (value: unknown) => {
    const name = names.get(value);
    return name !== undefined && isNamed(name) ? name : nameByPackage(packageName);
  };
  const values = [...names.keys()];
  const classes = values.filter(isProcessorClass);
  const defined = values.filter(isDefined).map((value) => ({ ...value, name: nameOf(value) }));
  const based = classes.filter(extendsBase).map(ofClass);
  const named = classes.filter(({ name }) => name.endsWith('ServiceProcessor')).map(ofClass);
  const objects = values.filter(isProcessorObject).map((value) => ofObject(value, nameOf(value)));
  const levels = [[...defined, ...based], named, objects];
  const functions = values.filter(isFunction);
  const main = functions.filter((value) => names.get(value) === 'default');
  return {
    processors: levels.find((level) => level.length > 0) ?? [],
    functions: (main.length > 0 ? main : functions).map((value) => ofFunction(value, nameOf(value))),
    exported: [...names].map(([value, name]) => (isUnfinished(value) ? `${name} (${unfinished})` : name)),
  };
}

/** The name of a processor without one: the package's in Pascal case, and `ServiceProcessor`. */
export function nameByPackage(packageName: string): string {
  const words = packageName.replace(/^@[^/]*\//, '').split(/[^A-Za-z0-9]+/);
  return `${words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('')}ServiceProcessor`;
}

/** Whether an export's name says which processor it is. */
function isNamed(name: string | undefined): boolean {
  return name !== undefined && name !== 'default' && name !== 'process';
}

function exportedValues(exports: object): [string, unknown][] {
  const named = Object.entries(exports).filter(([name]) => name !== 'module.exports');
  const fallback = (exports as { default?: unknown }).default;
  const inner = fallback !== null && typeof fallback === 'object' ? Object.entries(fallback) : [];
  return [...named, ...(isDefined(fallback) ? [] : inner)];
}

const unfinished = 'it extends BaseServiceProcessor but has no process method';

/** A class that was meant to be a processor; BaseServiceProcessor itself, exported again, is not one. */
function isUnfinished(value: unknown): boolean {
  return (
    typeof value === 'function' &&
    extendsBase(value) &&
    !Object.hasOwn(value, brand) &&
    !isProcessorClass(value)
  );
}

/**
 * A class that has or inherits a `process`; BaseServiceProcessor itself has none. It is up to its author that its
 * constructor needs no arguments, and that its `process` accepts those of the host.
 */
function isProcessorClass(value: unknown): value is HostedProcessorClass {
  if (typeof value !== 'function') return false;
  const prototype: unknown = value.prototype;
  return typeof prototype === 'object' && prototype !== null && hasProcess(prototype);
}

function isProcessorObject(value: unknown): value is HostedProcessor {
  return typeof value === 'object' && value !== null && !isDefined(value) && hasProcess(value);
}

function hasProcess(value: object): boolean {
  return typeof Reflect.get(value, 'process') === 'function';
}

/** A function that can be called, other than a class. */
function isFunction(value: unknown): value is HostedProcessor['process'] {
  return typeof value === 'function' && !/^class\b/.test(Function.prototype.toString.call(value));
}

function ofClass(exported: HostedProcessorClass): ExportedProcessor {
  const { name, schema } = exported;
  const process: unknown = Reflect.get(exported.prototype as object, 'process');
  return { ...plain, name, schema, process, create: () => new exported() };
}

/** As a class may have it, the schema of an instance belongs to its class. */
function ofObject(exported: HostedProcessor, name: string): ExportedProcessor {
  const { schema } = exported.constructor as Partial<HostedProcessorClass>;
  return { ...plain, name, schema, process: Reflect.get(exported, 'process'), create: () => exported };
}

function ofFunction(exported: HostedProcessor['process'], name: string): ExportedProcessor {
  return { ...plain, name, schema: undefined, process: exported, create: () => ({ process: exported }) };
}

/** Only `defineProcessor` takes these. */
const plain = { queueName: undefined, concurrency: undefined };

/** The processors to run, and where they are. */
export interface Choice {
  readonly processors: readonly ExportedProcessor[];
  /** For the error. */
  readonly place: string;
  /** PROCESSOR_TYPE: a name, several separated by commas, or `*` for all; undefined if the only one is meant. */
  readonly configured: string | undefined;
}

/** Whether PROCESSOR_TYPE asks for more than one processor. */
export function asksForSeveral(configured: string | undefined): boolean {
  return configured === '*' || (configured?.includes(',') ?? false);
}

/**
 * Chooses among processors.
 *
 * @throws ProcessorError several and no choice, a name that none has, a class without a name, a `process` that cannot work
 */
export function chooseProcessors({ processors, place, configured }: Choice): readonly ExportedProcessor[] {
  const chosen = choose(processors, place, configured);
  for (const { name, process } of chosen) {
    // An anonymous `export default class` is named "default", and the queue's variable is named after the class.
    if (name === '' || name === 'default') {
      throw new ProcessorError(
        `the processor class of ${place} has no name; give it one: the queue's variable is named after it`,
      );
    }
    if (isGenerator(process)) {
      throw new ProcessorError(
        `process of ${name} (${place}) is a generator function, which does nothing when it is called; ` +
          'make it an async function',
      );
    }
  }
  return chosen;
}

function choose(
  processors: readonly ExportedProcessor[],
  place: string,
  configured: string | undefined,
): readonly ExportedProcessor[] {
  if (configured === '*') return processors;
  const names = processors.map(({ name }) => name).join(', ');
  if (configured === undefined) {
    if (processors.length === 1) return processors;
    throw new ProcessorError(
      `${place} exports several processors: ${names}; set PROCESSOR_TYPE to one of them, to some of them ` +
        'separated by commas, or to * for all',
    );
  }
  return [...new Set(configured.split(',').map((name) => name.trim()))].map((wanted) => {
    const found = processors.find(({ name }) => name === wanted);
    if (found) return found;
    const others = processors.length === 1 ? `the only processor is ${names}` : `there are ${names}`;
    throw new ProcessorError(`${place} exports no processor "${wanted}" (PROCESSOR_TYPE); ${others}`);
  });
}

function isGenerator(value: unknown): boolean {
  return /^\[object (Async)?GeneratorFunction\]$/.test(Object.prototype.toString.call(value));
}
