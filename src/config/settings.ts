// Turns variables into settings: typed, checked against each other, with every problem named. Pure.
import path from 'node:path';
import { cleanEnv, EnvMissingError, type ValidatorSpec } from 'envalid';
import type { Problem } from '../errors.ts';
import { escapeControls } from '../escape.ts';
import type { LogOptions } from '../log.ts';
import { brokers, messagingTypes, type MessagingSettings } from './brokers.ts';
import { isSet, secretFileVariable, type Environment } from './environment.ts';
import { readMessaging } from './messaging.ts';
import { suggest } from '../suggestion.ts';
import { otherNames, secretNames, variables, type Values, type VariableName } from './variables.ts';

/** How many times a failing message is tried, and the delays between attempts. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly initialDelayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
}

/** A schedule as it was written; schedule/read.ts parses it. */
export interface ScheduleSettings {
  /** The variables that describe it, as they were found. */
  readonly variables: Pick<
    Values,
    'CRON_TIME_AMOUNT' | 'CRON_TIME_UNIT' | 'CRON_RUN_AT' | 'CRON_EXPRESSIONS' | 'CRON_TIMEZONE'
  >;
  readonly runAtStartup: boolean;
  /** Whether each replica runs every time, or one of them. */
  readonly replicas: 'each' | 'once';
}

/** Everything that the environment decides, except the queue's name, which depends on the processor. */
export interface Settings {
  readonly executionType: 'MESSAGING' | 'CRON';
  readonly processorModule: string | undefined;
  readonly processorType: string | undefined;
  readonly loadTimeoutMs: number;
  readonly messaging: MessagingSettings;
  /** Why `messaging` cannot be used; empty if it can. With CRON the service runs all the same, but cannot send. */
  readonly messagingProblems: readonly Problem[];
  readonly schedule: ScheduleSettings;
  readonly queueNamePrefix: string;
  /** Undefined for `<queue>_dead`. */
  readonly deadLetterQueueName: string | undefined;
  readonly concurrency: number;
  /** Absolute. */
  readonly consumeConfigPath: string | undefined;
  readonly retry: RetryPolicy;
  /** How many times a host may die of one message. */
  readonly crashMaxDeliveries: number;
  /** Undefined for none. */
  readonly processTimeoutMs: number | undefined;
  readonly shutdownTimeoutMs: number;
  readonly log: LogOptions;
}

/** Settings, with their problems and warnings. */
export interface SettingsResult {
  readonly settings: Settings;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** The facts that settings depend on besides the environment. */
export interface Surroundings {
  readonly serviceDirectory: string;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
}

/**
 * Reads all settings. The default stands in for a variable that has a problem, so that one pass finds all problems; the
 * settings must not be used while there are any.
 */
export function readSettings(env: Environment, surroundings: Surroundings): SettingsResult {
  const { values, problems } = readValues(env);
  const warnings = [...misspelt(env)];
  const { serviceDirectory } = surroundings;
  const messaging = readMessaging({ values, env, serviceDirectory, isRequired: needsBroker(values) });
  const settings: Settings = {
    executionType: values.EXECUTION_TYPE,
    processorModule: values.PROCESSOR_MODULE,
    processorType: values.PROCESSOR_TYPE,
    loadTimeoutMs: values.PROCESSOR_LOAD_TIMEOUT,
    messaging: messaging.settings,
    messagingProblems: messaging.unusable,
    schedule: {
      variables: {
        CRON_TIME_AMOUNT: values.CRON_TIME_AMOUNT,
        CRON_TIME_UNIT: values.CRON_TIME_UNIT,
        CRON_RUN_AT: values.CRON_RUN_AT,
        CRON_EXPRESSIONS: values.CRON_EXPRESSIONS,
        CRON_TIMEZONE: values.CRON_TIMEZONE,
      },
      runAtStartup: values.RUN_AT_STARTUP,
      replicas: values.CRON_REPLICAS,
    },
    queueNamePrefix: values.QUEUE_NAME_PREFIX,
    deadLetterQueueName: values.DEAD_LETTER_QUEUE_NAME,
    concurrency: values.CONCURRENCY ?? values.RABBITMQ_NUM_THREADS ?? 1,
    consumeConfigPath:
      values.CONSUME_CONFIG_FILE_PATH === undefined
        ? undefined
        : path.resolve(serviceDirectory, values.CONSUME_CONFIG_FILE_PATH),
    retry: {
      maxAttempts: values.RETRY_MAX_ATTEMPTS,
      initialDelayMs: values.RETRY_INITIAL_DELAY,
      factor: values.RETRY_FACTOR,
      maxDelayMs: values.RETRY_MAX_DELAY,
    },
    crashMaxDeliveries: values.CRASH_MAX_DELIVERIES,
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
    problems: [...problems, ...messaging.problems, ...sharedSchedule(values)],
    warnings: [...warnings, ...messaging.warnings],
  };
}

/** A variable's value for people, masked if it is secret. In others, a URL's login is masked: it may be misplaced. */
export function displayValue(name: string, value: string): string {
  return isSecret(name) ? '***' : escapeControls(JSON.stringify(value.replace(/:\/\/.*@/s, '://***@')));
}

function isSecret(name: string): boolean {
  return (variables as Record<string, { secret: boolean } | undefined>)[name]?.secret ?? false;
}

function readValues(env: Environment): { values: Values; problems: Problem[] } {
  const given = Object.fromEntries(Object.entries(env).filter(([name]) => isSet(env, name)));
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
  for (const name of Object.keys(variables)) {
    const problem = controlProblem(name, given[name] ?? '');
    if (problem && !problems.some((each) => each.name === name)) problems.push(problem);
  }
  const broken = new Set(problems.map(({ name }) => name));
  const values = Object.fromEntries(
    entries.map(([name, { spec }]) => [name, broken.has(name) ? spec.default : cleaned[name]]),
  );
  // The specs above are those of `variables`, so the values have their types.
  return { values: values as unknown as Values, problems };
}

/**
 * The problem of a value with a control character, such as the line end of a file that was pasted: it is invisible, and
 * would be part of a name or a password.
 */
export function controlProblem(name: string, value: string): Problem | undefined {
  const found = [...value.matchAll(/\p{Cc}/gu)].map(([character]) => escapeControls(character));
  if (found.length === 0) return undefined;
  const shown = isSecret(name) ? `${[...new Set(found)].join(', ')} in it` : displayValue(name, value);
  return { name, expected: 'a value without control characters and line ends', found: shown };
}

/** A schedule requires a broker only if its replicas share it. */
function needsBroker({ EXECUTION_TYPE, CRON_REPLICAS }: Values): boolean {
  return EXECUTION_TYPE === 'MESSAGING' || CRON_REPLICAS === 'once';
}

/** The settings that contradict CRON_REPLICAS=once. */
function sharedSchedule({
  EXECUTION_TYPE,
  CRON_REPLICAS,
  RUN_AT_STARTUP,
  MESSAGING_TYPE,
}: Values): Problem[] {
  if (EXECUTION_TYPE !== 'CRON' || CRON_REPLICAS !== 'once') return [];
  const problems: Problem[] = [];
  if (MESSAGING_TYPE !== undefined && !brokers[MESSAGING_TYPE].sharesSchedules) {
    const able = new Intl.ListFormat('en-GB').format(
      messagingTypes.filter((type) => brokers[type].sharesSchedules),
    );
    const expected = `each with ${MESSAGING_TYPE}, which cannot share a schedule; ${able} can`;
    problems.push({ name: 'CRON_REPLICAS', expected, found: '"once"' });
  }
  if (RUN_AT_STARTUP) {
    const expected = 'false, since CRON_REPLICAS is once and each replica starts at a different time';
    problems.push({ name: 'RUN_AT_STARTUP', expected, found: 'true' });
  }
  return problems;
}

/** Warnings for names that are set, unknown, and look like known ones. */
function misspelt(env: Environment): string[] {
  const known = [...Object.keys(variables), ...secretNames.map(secretFileVariable)];
  return Object.keys(env)
    .filter((name) => !known.includes(name) && !name.endsWith('_QUEUE_NAME'))
    .flatMap((name) => {
      const meant = otherNames[name] ?? suggest(name, known);
      return meant === undefined || env[meant] !== undefined
        ? []
        : [`${name} is not known; did you mean ${meant}?`];
    });
}
