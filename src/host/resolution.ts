// Resolves a service directory to its settings, its processor, and its queues or schedule; or to all of its problems.
import path from 'node:path';
import {
  loadEnvFiles,
  loadSecretFiles,
  processEnvironment,
  type Environment,
} from '../config/environment.ts';
import { readQueueNames, type QueueNames } from '../config/queue-name.ts';
import { readSettings, type Settings } from '../config/settings.ts';
import { secretNames } from '../config/variables.ts';
import { ConfigurationError, ProcessorError, type Problem } from '../errors.ts';
import { readServiceDirectory, type ServiceDirectory } from '../processor/directory.ts';
import { explainUnfinished, loadProcessor, type LoadedProcessor } from '../processor/loader.ts';
import { readSchedule } from '../schedule/read.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { machineTimezone, machineTimezoneFault } from '../schedule/timezone.ts';
import { explain } from '../thrown.ts';
import { announced } from '../waiting.ts';
import { onStandstill } from './standstill.ts';

/** A service as far as it could be resolved. */
export type Resolution = MessageResolution | ScheduleResolution | Refusal;

/** A service that can run, driven by messages. */
export interface MessageResolution extends Runnable {
  readonly kind: 'messages';
  readonly queues: QueueNames;
  readonly schedule?: undefined;
}

/** A service that can run, driven by a schedule. */
export interface ScheduleResolution extends Runnable {
  readonly kind: 'schedule';
  readonly schedule: Schedule;
  readonly queues?: undefined;
}

/** A service that cannot run. A field is undefined if it could not be resolved, or is not used. */
export interface Refusal extends Configured {
  readonly kind: 'refused';
  readonly service: ServiceDirectory | undefined;
  readonly processor: LoadedProcessor | undefined;
  readonly queues: QueueNames | undefined;
  readonly schedule: Schedule | undefined;
  /** The error for a caller that needs the service; it holds all problems. */
  readonly error: ConfigurationError | ProcessorError;
  /** The problems of the configuration. */
  readonly problems: readonly Problem[];
  /** Why there is no processor; undefined if there is one. */
  readonly processorError: ProcessorError | undefined;
}

/** The fields of every resolution. */
interface Configured {
  /** If the configuration has problems, defaults replace the wrong values. */
  readonly settings: Settings;
  readonly warnings: readonly string[];
}

/** The fields of every service that can run. */
interface Runnable extends Configured {
  readonly service: ServiceDirectory;
  readonly processor: LoadedProcessor;
}

/**
 * Reads the environment, with the env files of a service directory, and loads the processor. Collects problems instead
 * of stopping at the first.
 *
 * @param directory absolute
 */
export async function resolveService(
  directory: string,
  env: Environment = processEnvironment,
): Promise<Resolution> {
  const files = loadEnvFiles(directory, env);
  const secretProblems = loadSecretFiles(secretNames, env);
  const read = readSettings(env, { serviceDirectory: directory, isTerminal: process.stdout.isTTY });
  const { settings } = read;
  const { service, processor, error: processorError } = await findProcessor(directory, settings);
  const drive =
    settings.executionType === 'CRON' ? findSchedule(settings, env) : findQueues(processor, settings, env);
  const { queues, schedule } = drive;
  const problems = [...files.problems, ...secretProblems, ...read.problems, ...drive.problems];
  const warnings = [...files.warnings, ...read.warnings, ...drive.warnings, ...(processor?.warnings ?? [])];

  if (service && processor && problems.length === 0) {
    const runnable = { settings, service, processor, warnings };
    if (queues) return { kind: 'messages', ...runnable, queues };
    if (schedule) return { kind: 'schedule', ...runnable, schedule };
  }
  const error = toRefusal(problems, processorError);
  const found = { settings, service, processor, queues, schedule, warnings };
  return { kind: 'refused', ...found, error, problems, processorError };
}

/** The queue or schedule that drives the processor. */
interface Drive {
  readonly queues?: QueueNames | undefined;
  readonly schedule?: Schedule | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

function findQueues(processor: LoadedProcessor | undefined, settings: Settings, env: Environment): Drive {
  const queues = processor && readQueueNames(processor.type, settings, env);
  if (queues === undefined || 'queueName' in queues) return { queues, problems: [], warnings: [] };
  return { problems: [queues], warnings: [] };
}

function findSchedule({ schedule: { variables, replicas } }: Settings, env: Environment): Drive {
  const fault = variables.CRON_TIMEZONE === undefined ? machineTimezoneFault(env['TZ']) : undefined;
  if (fault !== undefined) {
    return { problems: [{ name: 'TZ', expected: fault, found: JSON.stringify(env['TZ']) }], warnings: [] };
  }
  // Replicas that start at different times must compute the same occurrences.
  const start = replicas === 'once' ? new Date(0) : new Date();
  const read = readSchedule(variables, start, machineTimezone());
  if ('problems' in read) return { problems: read.problems, warnings: [] };
  return { schedule: read.schedule, problems: [], warnings: read.notices };
}

interface Found {
  readonly service?: ServiceDirectory;
  readonly processor?: LoadedProcessor;
  readonly error?: ProcessorError;
}

async function findProcessor(directory: string, settings: Settings): Promise<Found> {
  let service: ServiceDirectory | undefined;
  try {
    service = readServiceDirectory(directory);
    const choice = { module: settings.processorModule, type: settings.processorType };
    const loading = announced('the processor to be loaded', loadProcessor(service, choice));
    return { service, processor: await inTime(loading, settings.loadTimeoutMs) };
  } catch (error) {
    if (!(error instanceof ProcessorError)) throw error;
    return service ? { service, error } : { error };
  }
}

/**
 * Awaits the loading of a processor, but not for ever.
 *
 * @throws ProcessorError it takes too long, or can never end since nothing is left that could end it
 */
async function inTime<T>(loading: Promise<T>, limitMs: number): Promise<T> {
  const never = Promise.withResolvers<never>();
  const refuse = (what: string) => () =>
    never.reject(new ProcessorError(`loading the processor ${what}: ${explainUnfinished()}`));
  const ignore = onStandstill(refuse('can never end'));
  const timer = setTimeout(refuse(`takes longer than PROCESSOR_LOAD_TIMEOUT (${limitMs / 1000} s)`), limitMs);
  timer.unref();
  try {
    return await Promise.race([loading, never.promise]);
  } finally {
    ignore();
    clearTimeout(timer);
  }
}

/** One error for everything: a missing processor is one problem among those of the configuration. */
function toRefusal(
  problems: readonly Problem[],
  processorError: ProcessorError | undefined,
): ConfigurationError | ProcessorError {
  if (!processorError) return new ConfigurationError(problems);
  if (problems.length === 0) return processorError;
  return new ConfigurationError([...problems, processorProblem(processorError)]);
}

/** What loads a service's code, for people: `tsx 4.23.15, because of an enum (lib/kind.ts:3)`. */
export function describeLoader({ loader }: LoadedProcessor, service: ServiceDirectory): string {
  const { name, because } = loader;
  if (!because) return name;
  return `${name}, because of ${because.name} (${path.relative(service.path, because.file)}:${because.line})`;
}

/** A processor that could not be loaded, in the form of a problem of the configuration. */
export function processorProblem(error: ProcessorError): Problem {
  return { name: 'processor', expected: 'a processor that can be loaded', found: explain(error) };
}
