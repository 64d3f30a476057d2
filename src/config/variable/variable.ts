// How a variable is declared: how it is read, its default, its meaning, whether it is secret.
import { makeExactValidator, type ValidatorSpec } from 'envalid';
import type { Parse } from './value.ts';

/** One variable's declaration. */
export interface Variable<T> {
  readonly spec: ValidatorSpec<T | undefined>;
  /** Its meaning, for people; durations are in seconds. */
  readonly description: string;
  /** The default for people; empty if there is none. */
  readonly defaultText: string;
  /** Its value never appears in logs, errors or `svchost check`. */
  readonly secret: boolean;
}

/** Declarations by the name of the variable. */
export type VariableTable = Readonly<Record<string, Variable<unknown>>>;

/** The values of a table of variables, typed; undefined if unset and without a default. */
export type ValuesOf<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Variable<infer T> ? T : never;
};

/** The declaration of a variable, apart from its parser. */
export interface VariableOptions {
  /** See {@link Variable.description}. */
  readonly description: string;
  /** The default, written as the variable itself is. */
  readonly fallback?: string;
  /** The default in words, if it is not one value. */
  readonly fallbackText?: string;
  /** Default: false. */
  readonly secret?: boolean;
}

/** Declares a variable. Its value is of type `T`, or undefined if there is no `fallback`. */
export function variable<T extends string | number | boolean | object>(
  parse: Parse<T>,
  options: VariableOptions & { fallback: string },
): Variable<T>;
export function variable<T extends string | number | boolean | object>(
  parse: Parse<T>,
  options: VariableOptions,
): Variable<T | undefined>;
export function variable<T extends string | number | boolean | object>(
  parse: Parse<T>,
  { description, fallback, fallbackText, secret = false }: VariableOptions,
): Variable<T | undefined> {
  const value = fallback === undefined ? undefined : parse(fallback);
  return {
    spec: makeExactValidator<T>(parse)({ default: value, desc: description }),
    description,
    defaultText: fallbackText ?? fallback ?? '',
    secret,
  };
}
