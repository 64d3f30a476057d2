// From variables to settings: typed, checked against each other, every problem named. Pure.
import path from 'node:path';
import { cleanEnv, EnvMissingError, type ValidatorSpec } from 'envalid';
import type { Problem } from '../errors.ts';
import type { LogOptions } from '../log.ts';
import type { Environment } from './environment.ts';
import { readMessaging, type MessagingSettings } from './messaging.ts';
import { suggest } from '../suggestion.ts';
import { otherNames, variables, type Values, type VariableName } from './variables.ts';

/** How often and when a failed message is tried again. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly initialDelayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
}

/** A schedule as it was written; what it means is read by those who know schedules. */
export interface ScheduleSettings {
  /** The variables that say when, as they were found. */
  readonly variables: Pick<
    Values,
    'CRON_TIME_AMOUNT' | 'CRON_TIME_UNIT' | 'CRON_RUN_AT' | 'CRON_EXPRESSIONS' | 'CRON_TIMEZONE'
  >;
  readonly runAtStartup: boolean;
  /** Whether each replica runs every time, or one of them. */
  readonly replicas: 'each' | 'once';
}

/** All that the environment decides, but for the queue's name, which depends on the processor. */
export interface Settings {
  readonly executionType: 'MESSAGING' | 'CRON';
  readonly processorModule: string | undefined;
  readonly processorType: string | undefined;
  /** With CRON only used where replicas share a lock. */
  readonly messaging: MessagingSettings;
  readonly schedule: ScheduleSettings;
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
  // Nothing is wrong with a broker that is not used.
  const broker = needsBroker(values) ? messaging : { problems: [], warnings: [] };
  const settings: Settings = {
    executionType: values.EXECUTION_TYPE,
    processorModule: values.PROCESSOR_MODULE,
    processorType: values.PROCESSOR_TYPE,
    messaging: messaging.settings,
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
    problems: [...problems, ...broker.problems, ...sharedSchedule(values)],
    warnings: [...warnings, ...broker.warnings],
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

/** A schedule needs a broker only for what its replicas share. */
function needsBroker({ EXECUTION_TYPE, CRON_REPLICAS }: Values): boolean {
  return EXECUTION_TYPE === 'MESSAGING' || CRON_REPLICAS === 'once';
}

/** What does not go with CRON_REPLICAS=once. */
function sharedSchedule({
  EXECUTION_TYPE,
  CRON_REPLICAS,
  RUN_AT_STARTUP,
  MESSAGING_TYPE,
}: Values): Problem[] {
  if (EXECUTION_TYPE !== 'CRON' || CRON_REPLICAS !== 'once') return [];
  const problems: Problem[] = [];
  if (MESSAGING_TYPE === 'SqsConnection') {
    const expected =
      'each with SqsConnection, which cannot share a schedule; RabbitMqConnection and SqliteConnection can';
    problems.push({ name: 'CRON_REPLICAS', expected, found: '"once"' });
  }
  if (RUN_AT_STARTUP) {
    const expected = 'false, as CRON_REPLICAS is once and each replica starts at another time';
    problems.push({ name: 'RUN_AT_STARTUP', expected, found: 'true' });
  }
  return problems;
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
