// `svchost run`: from a service directory to a running service, and the process's signals to its end.
import { systemClock } from '../clock.ts';
import { ConsumeConfigFile } from '../config/consume-config.ts';
import { scheduleName, type QueueNames } from '../config/queue-name.ts';
import type { Settings } from '../config/settings.ts';
import {
  ConfigurationError,
  describeProblem,
  exitCode,
  ProcessorError,
  SvchostError,
  toError,
  UnsupportedError,
  UsageError,
  type ExitCode,
} from '../errors.ts';
import { createLog, type Logger } from '../log.ts';
import { openAdapter } from '../messaging/open.ts';
import type { LoadedProcessor } from '../processor/loader.ts';
import type { MessageProcessor, ScheduleProcessor } from '../processor/processor.ts';
import type { ServiceDirectory } from '../processor/directory.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { ScheduleService, type SharedSchedule } from '../service/schedule-service.ts';
import { MessageService } from '../service/message-service.ts';
import { version } from '../version.ts';
import { resolutionError, resolveService, type Resolution } from '../host/resolution.ts';
import { answerSignals } from '../host/signal.ts';

/**
 * Runs the service of a directory until it ends.
 *
 * @param directory absolute
 * @param mode `once`: one run now instead of the schedule, for EXECUTION_TYPE=CRON
 * @returns the exit code; the process must end with it, since user code may have left timers and sockets behind
 */
export async function run(directory: string, mode: 'service' | 'once'): Promise<ExitCode> {
  return await runResolved(await resolveService(directory), mode);
}

/** As `run`, for a service whose code is loaded already. */
export async function runResolved(resolution: Resolution, mode: 'service' | 'once'): Promise<ExitCode> {
  const root = await createLog(resolution.settings.log);
  const log = root.child({ name: 'svchost' });
  log.info(`Rococo Service Host Version: ${version}`);
  for (const warning of resolution.warnings) log.warn(warning);
  try {
    const service = await openService(resolution, mode, root, log);
    const release = superviseProcess(service, log);
    const code = await service.run();
    release();
    return code;
  } catch (error) {
    return reportFailure(error, log);
  }
}

/** What a command needs of a service, whatever drives it. */
type Service = Pick<MessageService, 'run' | 'stop' | 'crash'>;

/** A service without problems. */
type Whole = Resolution & { readonly service: ServiceDirectory; readonly processor: LoadedProcessor };

/** @throws ConfigurationError, ProcessorError or UsageError where the service cannot run */
async function openService(
  resolution: Resolution,
  mode: 'service' | 'once',
  root: Logger,
  log: Logger,
): Promise<Service> {
  const { service, processor, schedule, queues } = resolution;
  const error = resolutionError(resolution);
  if (error) throw error;
  if (!service || !processor) throw new Error('a service without problems is a whole one');
  if (mode === 'once' && !schedule) {
    throw new UsageError('--once is for EXECUTION_TYPE=CRON; to work off a queue, see EXIT_WHEN_FINISHED');
  }
  log.info(`processor_module: ${processor.module}`);
  log.info(`processor_type: ${processor.type}`);
  log.info(`Service Processor Version: ${service.version}`);
  const whole = { ...resolution, service, processor };
  if (schedule) return await openSchedule(whole, schedule, mode, root, log);
  if (queues) return await openQueue(whole, queues, root, log);
  throw new Error('a service without problems has a schedule or a queue');
}

async function openQueue(
  { settings, service, processor }: Whole,
  queues: QueueNames,
  root: Logger,
  log: Logger,
): Promise<Service> {
  const context = { connectionName: `${service.name}@${service.version}`, log, clock: systemClock };
  return new MessageService({
    ...queues,
    adapter: await openAdapter(settings.messaging, context),
    processor: createProcessor(processor),
    schema: processor.processorClass.schema,
    concurrency: settings.concurrency,
    retry: settings.retry,
    processTimeoutMs: settings.processTimeoutMs,
    shutdownTimeoutMs: settings.shutdownTimeoutMs,
    consumeConfig:
      settings.consumeConfigPath === undefined
        ? undefined
        : new ConsumeConfigFile(settings.consumeConfigPath, settings.messaging.type, (message) =>
            log.warn(message),
          ),
    clock: systemClock,
    log,
    processorLog: root.child({ name: service.name }),
  });
}

async function openSchedule(
  { settings, service, processor }: Whole,
  schedule: Schedule,
  mode: 'service' | 'once',
  root: Logger,
  log: Logger,
): Promise<Service> {
  return new ScheduleService({
    schedule,
    mode: mode === 'once' ? 'once' : 'schedule',
    runAtStartup: settings.schedule.runAtStartup,
    shared: mode === 'once' ? undefined : await openShared(settings, service, log),
    // The class was made for a schedule, whose `process` takes the context alone.
    processor: createProcessor(processor) as unknown as ScheduleProcessor,
    processTimeoutMs: settings.processTimeoutMs,
    shutdownTimeoutMs: settings.shutdownTimeoutMs,
    clock: systemClock,
    log,
    processorLog: root.child({ name: service.name }),
  });
}

/** What the replicas share; undefined where each runs every time. */
async function openShared(
  settings: Settings,
  service: ServiceDirectory,
  log: Logger,
): Promise<SharedSchedule | undefined> {
  if (settings.schedule.replicas === 'each') return undefined;
  const context = { connectionName: `${service.name}@${service.version}`, log, clock: systemClock };
  const adapter = await openAdapter(settings.messaging, context);
  const claimOccurrence = adapter.claimOccurrence?.bind(adapter);
  if (!claimOccurrence) throw new UnsupportedError(`${adapter.address} cannot share a schedule`);
  const name = scheduleName(settings.queueNamePrefix, service.name);
  return { adapter, claim: async (occurrence) => await claimOccurrence(name, occurrence) };
}

function createProcessor({ processorClass, module, type }: LoadedProcessor): MessageProcessor {
  try {
    return new processorClass();
  } catch (cause) {
    throw new ProcessorError(`new ${type}() of ${module} failed: ${toError(cause).message}`, { cause });
  }
}

/**
 * Ties the process to the service: the first SIGTERM or SIGINT drains, a second one ends at once; an error that
 * nothing caught ends the service.
 *
 * @returns a function that unties them
 */
function superviseProcess(service: Service, log: Logger): () => void {
  const ignoreSignals = answerSignals(['SIGINT', 'SIGTERM'], {
    onFirst: (signal) => service.stop(signal),
    onSecond: (signal) => log.warn({ signal }, 'second signal; ending at once'),
  });
  const onUncaught = (error: unknown) => service.crash(error);
  process.on('uncaughtException', onUncaught).on('unhandledRejection', onUncaught);
  return () => {
    ignoreSignals();
    process.off('uncaughtException', onUncaught).off('unhandledRejection', onUncaught);
  };
}

/** Says why the service did not start, one line per problem. */
function reportFailure(error: unknown, log: Logger): ExitCode {
  if (error instanceof ConfigurationError) {
    for (const problem of error.problems) log.fatal({ code: error.code, problem }, describeProblem(problem));
    return error.exitCode;
  }
  if (error instanceof SvchostError) {
    log.fatal({ code: error.code }, error.message);
    return error.exitCode;
  }
  const { name, message, stack } = toError(error);
  log.fatal({ error: { name, message, stack } }, 'the service could not start');
  return exitCode.failed;
}
