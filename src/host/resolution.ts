// What every command needs to know first: the service, its settings, processor and queues, and all that is wrong with them.
import { loadEnvFiles, processEnvironment, type Environment } from '../config/environment.ts';
import { readQueueNames, type QueueNames } from '../config/queue-name.ts';
import { readSettings, type Settings } from '../config/settings.ts';
import { ConfigurationError, ProcessorError, type Problem, type SvchostError } from '../errors.ts';
import { loadProcessor, type LoadedProcessor } from '../processor/loader.ts';
import { readServiceDirectory, type ServiceDirectory } from '../processor/directory.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { readSchedule } from '../schedule/read.ts';
import { machineTimezone } from '../schedule/timezone.ts';

/** A service as far as it could be made out. */
export interface Resolution {
  readonly settings: Settings;
  readonly service: ServiceDirectory | undefined;
  readonly processor: LoadedProcessor | undefined;
  /** With EXECUTION_TYPE=MESSAGING. */
  readonly queues: QueueNames | undefined;
  /** With EXECUTION_TYPE=CRON. */
  readonly schedule: Schedule | undefined;
  /** What is wrong with the configuration. */
  readonly problems: readonly Problem[];
  /** Why there is no service or no processor. */
  readonly processorError: ProcessorError | undefined;
  readonly warnings: readonly string[];
}

/** Reads the environment and finds the processor; collects problems instead of stopping at the first. */
export async function resolveService(
  directory: string,
  env: Environment = processEnvironment,
): Promise<Resolution> {
  const fileProblems = loadEnvFiles(directory, env);
  const read = readSettings(env, { serviceDirectory: directory, isTerminal: process.stdout.isTTY });
  const { settings } = read;
  const { service, processor, error } = await findProcessor(directory, settings);
  const work =
    settings.executionType === 'CRON' ? findSchedule(settings) : findQueues(processor, settings, env);
  return {
    settings,
    service,
    processor,
    queues: work.queues,
    schedule: work.schedule,
    problems: [...fileProblems, ...read.problems, ...work.problems],
    processorError: error,
    warnings: [...read.warnings, ...work.notices, ...(processor?.warnings ?? [])],
  };
}

/** What drives the processor. */
interface Work {
  readonly queues?: QueueNames | undefined;
  readonly schedule?: Schedule | undefined;
  readonly problems: readonly Problem[];
  readonly notices: readonly string[];
}

function findQueues(processor: LoadedProcessor | undefined, settings: Settings, env: Environment): Work {
  const queues = processor && readQueueNames(processor.type, settings, env);
  if (queues === undefined || 'queueName' in queues) return { queues, problems: [], notices: [] };
  return { problems: [queues], notices: [] };
}

function findSchedule({ schedule: { variables, replicas } }: Settings): Work {
  // Replicas that start at different times must name the same occurrences.
  const start = replicas === 'once' ? new Date(0) : new Date();
  const read = readSchedule(variables, start, machineTimezone());
  return 'problems' in read ? { problems: read.problems, notices: [] } : { ...read, problems: [] };
}

/** The error that a service with these problems ends with, all of them in it; undefined where it can run. */
export function resolutionError({ problems, processorError }: Resolution): SvchostError | undefined {
  if (problems.length === 0) return processorError;
  return new ConfigurationError([...problems, ...(processorError ? [processorProblem(processorError)] : [])]);
}

/** A processor that is not there, as one problem among others. */
export function processorProblem({ message }: ProcessorError): Problem {
  return { name: 'processor', expected: 'a processor that can be loaded', found: message };
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
    return { service, processor: await loadProcessor(service, choice) };
  } catch (error) {
    if (!(error instanceof ProcessorError)) throw error;
    return service ? { service, error } : { error };
  }
}
