// Resolves a service directory to its settings, its processors, and their queues or schedule; or to all of its problems.
import path from 'node:path';
import {
  loadEnvFiles,
  loadSecretFiles,
  processEnvironment,
  type Environment,
} from '../config/environment.ts';
import { readPolicy, type Policy } from '../config/policy.ts';
import { queueVariable, readQueueNames, type QueueNames } from '../config/queue-name.ts';
import { readSettings, type Settings, type Surroundings } from '../config/settings.ts';
import { secretNames } from '../config/variables.ts';
import { ConfigurationError, ProcessorError, type Problem } from '../errors.ts';
import { readServiceDirectory, type ServiceDirectory } from '../processor/directory.ts';
import { explainUnfinished, loadProcessors, type Loaded, type LoadedProcessor } from '../processor/loader.ts';
import { readSchedule } from '../schedule/read.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { machineTimezone, machineTimezoneFault } from '../schedule/timezone.ts';
import { explain } from '../thrown.ts';
import { announced } from '../waiting.ts';
import { onStandstill } from './standstill.ts';

/** A service as far as it could be resolved. */
export type Resolution = MessageResolution | ScheduleResolution | Refusal;

/** A processor that consumes a queue. */
export interface BoundProcessor {
  readonly processor: LoadedProcessor;
  readonly queues: QueueNames;
  readonly policy: Policy;
}

/** A service that can run, driven by messages. */
export interface MessageResolution extends Runnable {
  readonly kind: 'messages';
  /** One at least. */
  readonly bound: readonly BoundProcessor[];
  readonly schedule?: undefined;
}

/** A service that can run, driven by a schedule. */
export interface ScheduleResolution extends Runnable {
  readonly kind: 'schedule';
  readonly processor: LoadedProcessor;
  readonly schedule: Schedule;
  readonly bound?: undefined;
}

/** A service that cannot run. A field is undefined if it could not be resolved, or is not used. */
export interface Refusal extends Configured {
  readonly kind: 'refused';
  readonly service: ServiceDirectory | undefined;
  readonly loaded: Loaded | undefined;
  /** The processors whose queues are known. */
  readonly bound: readonly BoundProcessor[] | undefined;
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
  readonly loaded: Loaded;
}

/**
 * Reads the environment, with the env files of a service directory, and loads the processors. Collects problems instead
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
  const surroundings = { serviceDirectory: directory, isTerminal: process.stdout.isTTY };
  const read = readSettings(env, surroundings);
  const { settings } = read;
  const { service, loaded, error: processorError } = await findProcessors(directory, settings);
  const drive =
    settings.executionType === 'CRON'
      ? findSchedule(loaded, settings, env)
      : bindProcessors(loaded, settings, { env, surroundings });
  const { bound, schedule } = drive;
  const problems = [...files.problems, ...secretProblems, ...read.problems, ...drive.problems];
  const warnings = [...files.warnings, ...read.warnings, ...drive.warnings, ...(loaded?.warnings ?? [])];

  if (service && loaded && problems.length === 0) {
    const runnable = { settings, service, loaded, warnings };
    if (bound) return { kind: 'messages', ...runnable, bound };
    const [processor] = loaded.processors;
    if (schedule && processor) return { kind: 'schedule', ...runnable, processor, schedule };
  }
  const error = toRefusal(problems, processorError);
  const found = { settings, service, loaded, bound, schedule, warnings };
  return { kind: 'refused', ...found, error, problems, processorError };
}

/** The queues or the schedule that drive the processors. */
interface Drive {
  readonly bound?: readonly BoundProcessor[] | undefined;
  readonly schedule?: Schedule | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** Where the variables of processors are read. */
interface Source {
  readonly env: Environment;
  readonly surroundings: Surroundings;
}

function bindProcessors(
  loaded: Loaded | undefined,
  settings: Settings,
  { env, surroundings }: Source,
): Drive {
  if (!loaded) return { problems: [], warnings: [] };
  const bound: BoundProcessor[] = [];
  const problems: Problem[] = [];
  for (const each of loaded.processors) {
    const { processor } = each;
    const { policy, problems: own } = readPolicy(processor, env, surroundings);
    const queues = readQueueNames(each.type, { ...settings, ...policy }, env, processor.queueName);
    problems.push(...own);
    if (!('queueName' in queues)) problems.push(queues);
    else if (own.length === 0) bound.push({ processor: each, queues, policy });
  }
  return {
    bound,
    problems: [...problems, ...bound.flatMap((each) => conflictOf(each, bound) ?? [])],
    warnings: [],
  };
}

/** The problem of a processor whose queue is also another's, as its queue or for its dead letters. */
function conflictOf(each: BoundProcessor, bound: readonly BoundProcessor[]): Problem | undefined {
  const { queueName } = each.queues;
  const other = bound.find(
    (another) =>
      another !== each &&
      (another.queues.deadLetterQueueName === queueName ||
        (another.queues.queueName === queueName && bound.indexOf(another) < bound.indexOf(each))),
  );
  if (!other) return undefined;
  const use = other.queues.queueName === queueName ? 'consumes' : 'uses for its dead letters';
  return {
    name: queueVariable(each.processor.type),
    expected: `a queue other than the one that ${other.processor.type} ${use}`,
    found: JSON.stringify(queueName),
  };
}

function findSchedule(
  loaded: Loaded | undefined,
  { schedule: { variables, replicas } }: Settings,
  env: Environment,
): Drive {
  if (loaded && loaded.processors.length > 1) {
    const found = loaded.processors.map(({ type }) => type).join(', ');
    const expected = 'the name of one processor with EXECUTION_TYPE=CRON';
    return { problems: [{ name: 'PROCESSOR_TYPE', expected, found }], warnings: [] };
  }
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
  readonly loaded?: Loaded;
  readonly error?: ProcessorError;
}

async function findProcessors(directory: string, settings: Settings): Promise<Found> {
  let service: ServiceDirectory | undefined;
  try {
    service = readServiceDirectory(directory);
    const choice = { module: settings.processorModule, type: settings.processorType };
    const loading = announced('the processor to be loaded', loadProcessors(service, choice));
    return { service, loaded: await inTime(loading, settings.loadTimeoutMs) };
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
export function describeLoader({ loader }: Loaded, service: ServiceDirectory): string {
  const { name, because } = loader;
  if (!because) return name;
  return `${name}, because of ${because.name} (${path.relative(service.path, because.file)}:${because.line})`;
}

/** A processor that could not be loaded, in the form of a problem of the configuration. */
export function processorProblem(error: ProcessorError): Problem {
  return { name: 'processor', expected: 'a processor that can be loaded', found: explain(error) };
}
