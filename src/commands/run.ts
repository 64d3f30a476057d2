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
import type { AdapterContext, MessageAdapter } from '../messaging/adapter.ts';
import { isClaiming } from '../messaging/capability.ts';
import { openAdapter } from '../messaging/open.ts';
import { describeThrown } from '../thrown.ts';
import type { LoadedProcessor } from '../processor/loader.ts';
import type { MessageProcessor, ScheduleProcessor } from '../processor/processor.ts';
import type { ServiceDirectory } from '../processor/directory.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { logEvents } from '../service/event-log.ts';
import { ServiceEvents } from '../service/events.ts';
import { createMessageService } from '../service/message-service.ts';
import { createScheduleService, type SharedSchedule } from '../service/schedule-service.ts';
import type { Service } from '../service/service.ts';
import { LazySender } from '../host/lazy-sender.ts';
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
  const events = openEvents(log);
  const adapter = await openAdapter(settings.messaging, contextOf(service, events, log));
  const instance = createProcessor(processor);
  return createMessageService({
    adapter,
    processor: instance,
    queues: [
      {
        ...queues,
        concurrency: settings.concurrency,
        process: (message, context) => instance.process(message, context),
        schema: processor.processorClass.schema,
      },
    ],
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
    events,
    processorLog: root.child({ name: service.name }),
  });
}

/** The events of a service, with the log as their first listener. */
function openEvents(log: Logger): ServiceEvents {
  const events = new ServiceEvents((thrown) =>
    log.error({ error: describeThrown(thrown) }, 'listener failed'),
  );
  logEvents(events, log);
  return events;
}

function contextOf(service: ServiceDirectory, events: ServiceEvents, log: Logger): AdapterContext {
  return {
    connectionName: `${service.name}@${service.version}`,
    clock: systemClock,
    log,
    emit: (event) => events.emit(event),
  };
}

async function openSchedule(
  { settings, service, processor }: Whole,
  schedule: Schedule,
  mode: 'service' | 'once',
  root: Logger,
  log: Logger,
): Promise<Service> {
  const events = openEvents(log);
  const context = contextOf(service, events, log);
  const shared = mode === 'once' ? undefined : await openShared(settings, service, context);
  const sender = new LazySender({
    open: async () => await openAdapter(settings.messaging, context),
    clock: systemClock,
  });
  return createScheduleService({
    schedule,
    mode: mode === 'once' ? 'once' : 'schedule',
    runAtStartup: settings.schedule.runAtStartup,
    shared,
    adapter: {
      close: async () => void (await Promise.all([shared?.adapter.close(), sender.close()])),
    },
    send: async (queueName, message) => {
      await sender.send(queueName, message);
    },
    // The class was made for a schedule, whose `process` takes the context alone.
    processor: createProcessor(processor) as unknown as ScheduleProcessor,
    processTimeoutMs: settings.processTimeoutMs,
    shutdownTimeoutMs: settings.shutdownTimeoutMs,
    clock: systemClock,
    events,
    processorLog: root.child({ name: service.name }),
  });
}

/** What the replicas share; undefined if each runs every time. */
async function openShared(
  settings: Settings,
  service: ServiceDirectory,
  context: AdapterContext,
): Promise<(SharedSchedule & { readonly adapter: MessageAdapter }) | undefined> {
  if (settings.schedule.replicas === 'each') return undefined;
  const adapter = await openAdapter(settings.messaging, context);
  if (!isClaiming(adapter)) throw new UnsupportedError(`${adapter.address} cannot share a schedule`);
  const name = scheduleName(settings.queueNamePrefix, service.name);
  return { adapter, claim: async (occurrence) => await adapter.claimOccurrence(name, occurrence) };
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
