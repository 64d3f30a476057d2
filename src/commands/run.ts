// `svchost run`: from a service directory to a running service, and the process's signals to its end.
import { systemClock } from '../clock.ts';
import { ConsumeConfigFile } from '../config/consume-config.ts';
import {
  ConfigurationError,
  describeProblem,
  exitCode,
  ProcessorError,
  SvchostError,
  toError,
  type ExitCode,
} from '../errors.ts';
import { createLog, type Logger } from '../log.ts';
import { openAdapter } from '../messaging/open.ts';
import type { LoadedProcessor } from '../processor/loader.ts';
import type { MessageProcessor } from '../processor/processor.ts';
import { MessageService } from '../service/service.ts';
import { version } from '../version.ts';
import { resolutionError, resolveService, type Resolution } from './resolve.ts';

/**
 * Runs the service of a directory until it ends.
 *
 * @param directory absolute
 * @returns the exit code; the process must end with it, since user code may have left timers and sockets behind
 */
export async function run(directory: string): Promise<ExitCode> {
  const resolution = await resolveService(directory);
  const root = await createLog(resolution.settings.log);
  const log = root.child({ name: 'svchost' });
  log.info(`Rococo Service Host Version: ${version}`);
  for (const warning of resolution.warnings) log.warn(warning);
  try {
    const service = await openService(resolution, root, log);
    const release = superviseProcess(service, log);
    const code = await service.run();
    release();
    return code;
  } catch (error) {
    return reportFailure(error, log);
  }
}

/** @throws ConfigurationError or ProcessorError where the service cannot run */
async function openService(resolution: Resolution, root: Logger, log: Logger): Promise<MessageService> {
  const { settings, service, processor, queues } = resolution;
  const error = resolutionError(resolution);
  if (error) throw error;
  if (!service || !processor || !queues) throw new Error('a service without problems is a whole one');
  log.info(`processor_module: ${processor.module}`);
  log.info(`processor_type: ${processor.type}`);
  log.info(`Service Processor Version: ${service.version}`);
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
        : new ConsumeConfigFile(settings.consumeConfigPath, (message) => log.warn(message)),
    clock: systemClock,
    log,
    processorLog: root.child({ name: service.name }),
  });
}

function createProcessor({ processorClass, module, type }: LoadedProcessor): MessageProcessor {
  try {
    return new processorClass();
  } catch (cause) {
    throw new ProcessorError(`new ${type}() of ${module} failed: ${toError(cause).message}`, { cause });
  }
}

/** A signal's number, for the exit code of a process that it ended at once. */
const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Ties the process to the service: the first SIGTERM or SIGINT drains, a second one ends at once; an error that
 * nothing caught ends the service.
 *
 * @returns a function that unties them
 */
function superviseProcess(service: MessageService, log: Logger): () => void {
  let signals = 0;
  const onSignal = (signal: keyof typeof signalNumbers) => {
    if (++signals > 1) {
      log.warn({ signal }, 'second signal; ending at once');
      process.exit(128 + signalNumbers[signal]);
    }
    service.stop(signal);
  };
  const onUncaught = (error: unknown) => service.crash(error);
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  process.on('uncaughtException', onUncaught).on('unhandledRejection', onUncaught);
  return () => {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
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
