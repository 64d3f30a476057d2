// From variables to settings: typed, checked against each other, every problem named. Pure.
import path from 'node:path';
import { cleanEnv, EnvMissingError, type ValidatorSpec } from 'envalid';
import type { Problem } from '../errors.ts';
import type { LogOptions } from '../log.ts';
import type { Environment } from './environment.ts';
import { readMessaging, type MessagingSettings } from './messaging.ts';
import { suggest } from './suggestion.ts';
import { otherNames, variables, type Values, type VariableName } from './variables.ts';

/** How often and when a failed message is tried again. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly initialDelayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
}

/** All that the environment decides, but for the queue's name, which depends on the processor. */
export interface Settings {
  readonly executionType: 'MESSAGING' | 'CRON';
  readonly processorModule: string | undefined;
  readonly processorType: string | undefined;
  readonly messaging: MessagingSettings;
  readonly queueNamePrefix: string;
  /** Undefined for `<queue>_dead`. */
  readonly deadLetterQueueName: string | undefined;
  readonly concurrency: number;
  /** Absolute. */
  readonly consumeConfigPath: string | undefined;
  readonly retry: RetryPolicy;
  /** Undefined for none. */
  readonly processTimeoutMs: number | undefined;
  readonly shutdownTimeoutMs: number;
  readonly log: LogOptions;
}

/** Settings, with what is wrong with them and what is worth a warning. */
export interface SettingsResult {
  readonly settings: Settings;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** What the environment alone does not tell. */
export interface Surroundings {
  readonly serviceDirectory: string;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
}

/**
 * Reads all settings. Where a variable has a problem its default stands in, so that one pass finds all problems; the
 * settings must not be used while there are any.
 */
export function readSettings(env: Environment, surroundings: Surroundings): SettingsResult {
  const { values, problems } = readValues(env);
  const warnings = [...misspelt(env)];
  const messaging = readMessaging(values, env, surroundings.serviceDirectory);
  const settings: Settings = {
    executionType: values.EXECUTION_TYPE,
    processorModule: values.PROCESSOR_MODULE,
    processorType: values.PROCESSOR_TYPE,
    messaging: messaging.settings,
    queueNamePrefix: values.QUEUE_NAME_PREFIX,
    deadLetterQueueName: values.DEAD_LETTER_QUEUE_NAME,
    concurrency: values.CONCURRENCY ?? values.RABBITMQ_NUM_THREADS ?? 1,
    consumeConfigPath:
      values.CONSUME_CONFIG_FILE_PATH === undefined
        ? undefined
        : path.resolve(surroundings.serviceDirectory, values.CONSUME_CONFIG_FILE_PATH),
    retry: {
      maxAttempts: values.RETRY_MAX_ATTEMPTS,
      initialDelayMs: values.RETRY_INITIAL_DELAY,
      factor: values.RETRY_FACTOR,
      maxDelayMs: values.RETRY_MAX_DELAY,
    },
    processTimeoutMs: values.PROCESS_TIMEOUT,
    shutdownTimeoutMs: values.SHUTDOWN_TIMEOUT,
    log: {
      level: values.LOG_LEVEL,
      format: values.LOG_FORMAT ?? (surroundings.isTerminal ? 'pretty' : 'json'),
    },
  };
  if (values.CONCURRENCY !== undefined && values.RABBITMQ_NUM_THREADS !== undefined) {
    warnings.push('CONCURRENCY and RABBITMQ_NUM_THREADS are both set; CONCURRENCY is used');
  }
  return {
    settings,
    problems: [...problems, ...unavailable(values), ...messaging.problems],
    warnings: [...warnings, ...messaging.warnings],
  };
}

/** A variable's value for people: masked where it is secret, as is who logs in to a URL that got into the wrong variable. */
export function displayValue(name: string, value: string): string {
  const declared = (variables as Record<string, { secret: boolean } | undefined>)[name];
  return declared?.secret ? '***' : JSON.stringify(value.replace(/:\/\/.*@/s, '://***@'));
}

function readValues(env: Environment): { values: Values; problems: Problem[] } {
  const given = Object.fromEntries(Object.entries(env).filter((entry) => isGiven(...entry)));
  const entries = Object.entries(variables) as [VariableName, { spec: ValidatorSpec<unknown> }][];
  const specs = Object.fromEntries(entries.map(([name, { spec }]) => [name, spec]));
  const problems: Problem[] = [];
  const cleaned = cleanEnv(given, specs, {
    reporter: ({ errors }) => {
      for (const [name, error] of Object.entries(errors)) {
        if (error === undefined || error instanceof EnvMissingError) continue;
        problems.push({ name, expected: error.message, found: displayValue(name, given[name] ?? '') });
      }
    },
  });
  const broken = new Set(problems.map(({ name }) => name));
  const values = Object.fromEntries(
    entries.map(([name, { spec }]) => [name, broken.has(name) ? spec.default : cleaned[name]]),
  );
  // The specs above are those of `variables`, so the values are of their types.
  return { values: values as unknown as Values, problems };
}

/**
 * Whether a variable counts as set. An empty one does not: compose files and CI settings cannot always leave a name out.
 * Nor does what Kubernetes sets by itself in every container beside a Service named `rabbitmq` ("Docker-style" links).
 */
function isGiven(name: string, value: string | undefined): boolean {
  const isServiceLink = name === 'RABBITMQ_PORT' && /^tcp:\/\//.test(value ?? '');
  return value !== undefined && value !== '' && !isServiceLink;
}

/** What is declared already and comes with a later version: never done by halves in silence. */
function unavailable({ EXECUTION_TYPE: found }: Values): Problem[] {
  if (found === 'MESSAGING') return [];
  const expected = 'MESSAGING (CRON comes with a later version)';
  return [{ name: 'EXECUTION_TYPE', expected, found: displayValue('EXECUTION_TYPE', found) }];
}

/** Warnings for names that are set, unknown, and look like known ones. */
function misspelt(env: Environment): string[] {
  const known = Object.keys(variables);
  return Object.keys(env)
    .filter((name) => !known.includes(name) && !name.endsWith('_QUEUE_NAME'))
    .flatMap((name) => {
      const meant = otherNames[name] ?? suggest(name, known);
      return meant === undefined || env[meant] !== undefined
        ? []
        : [`${name} is not known; did you mean ${meant}?`];
    });
}
