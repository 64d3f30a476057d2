// Finds the processor's class among the exports of a module. Pure.
import { ProcessorError } from '../errors.ts';
import { brand, extendsBase, type HostedProcessorClass } from './processor.ts';

/** The processors among a module's exports. */
export interface ClassCandidates {
  /** Exported classes that extend BaseServiceProcessor; if there are none, those named `…ServiceProcessor`. */
  readonly classes: readonly HostedProcessorClass[];
  /** The names of all exports, for display. */
  readonly exported: readonly string[];
}

/** Finds the processors among a module's exports; those of a CommonJS module are also found below its `default`. */
export function findClasses(exports: object): ClassCandidates {
  const values = new Map<unknown, string>();
  for (const [name, value] of exportedValues(exports)) {
    if (!values.has(value)) values.set(value, name);
  }
  const classes = [...values.keys()].filter(isProcessor);
  const based = classes.filter(extendsBase);
  const named = classes.filter(({ name }) => name.endsWith('ServiceProcessor'));
  return {
    classes: based.length > 0 ? based : named,
    exported: [...values].map(([value, name]) => (isUnfinished(value) ? `${name} (${unfinished})` : name)),
  };
}

function exportedValues(exports: object): [string, unknown][] {
  const named = Object.entries(exports).filter(([name]) => name !== 'module.exports');
  const fallback = (exports as { default?: unknown }).default;
  const inner = fallback !== null && typeof fallback === 'object' ? Object.entries(fallback) : [];
  return [...named, ...inner];
}

const unfinished = 'it extends BaseServiceProcessor but has no process method';

/** A class that was meant to be a processor; BaseServiceProcessor itself, exported again, is not one. */
function isUnfinished(value: unknown): boolean {
  return (
    typeof value === 'function' && extendsBase(value) && !Object.hasOwn(value, brand) && !isProcessor(value)
  );
}

/**
 * A class that has or inherits a `process`; BaseServiceProcessor itself has none. It is up to its author that its
 * constructor needs no arguments, and that its `process` accepts those of the host.
 */
function isProcessor(value: unknown): value is HostedProcessorClass {
  if (typeof value !== 'function') return false;
  const prototype: unknown = value.prototype;
  return (
    prototype !== null &&
    typeof prototype === 'object' &&
    typeof Reflect.get(prototype, 'process') === 'function'
  );
}

/**
 * Chooses one class.
 *
 * @param moduleName for the error
 * @param configured PROCESSOR_TYPE, which chooses if there are several
 * @throws ProcessorError several classes and no (or another) PROCESSOR_TYPE, or a class without a name
 */
export function chooseClass(
  classes: readonly HostedProcessorClass[],
  moduleName: string,
  configured: string | undefined,
): HostedProcessorClass {
  const [only, ...others] = classes;
  const chosen = others.length === 0 ? only : classes.find(({ name }) => name === configured);
  if (chosen === undefined) {
    const names = classes.map(({ name }) => name).join(', ');
    throw new ProcessorError(
      `${moduleName} exports several processors: ${names}; ` +
        (configured === undefined
          ? 'set PROCESSOR_TYPE to one of them'
          : `PROCESSOR_TYPE "${configured}" is none of them`),
    );
  }
  // An anonymous `export default class` is named "default", and the queue's variable is named after the class.
  if (chosen.name === '' || chosen.name === 'default') {
    throw new ProcessorError(
      `the processor class of ${moduleName} has no name; give it one: the queue's variable is named after it`,
    );
  }
  return chosen;
}
