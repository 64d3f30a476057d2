// A service's process, from its directory to its exit code: resolves the service, runs it, and ties it to signals and
// uncaught errors.
import {
  ConfigurationError,
  describeProblem,
  exitCode,
  SvchostError,
  UsageError,
  type ExitCode,
} from '../errors.ts';
import { describeForeignExit, reportForeignExits } from '../exit.ts';
import { createLog, type Logger } from '../log.ts';
import type { Service } from '../service/service.ts';
import { describeThrown, explain } from '../thrown.ts';
import { version } from '../version.ts';
import { describeLoader, resolveService, type Resolution } from './resolution.ts';
import { answerSignals } from './signal.ts';
import { watchShutdown } from './watchdog.ts';
import { openMessageService, openScheduleService, type HostLogs, type RunMode } from './wiring.ts';

/**
 * Runs the service of a directory until it ends.
 *
 * @param directory absolute
 * @param mode `once` needs EXECUTION_TYPE=CRON
 * @returns the exit code; the process must end with it, since user code may have left timers and sockets behind
 */
export async function run(directory: string, mode: RunMode): Promise<ExitCode> {
  return await runResolved(await resolveService(directory), mode);
}

/** As `run`, for a service that is resolved already. */
export async function runResolved(resolution: Resolution, mode: RunMode): Promise<ExitCode> {
  const root = await createLog(resolution.settings.log);
  const log = root.child({ name: 'svchost' });
  log.info(`Rococo Service Host Version: ${version}`);
  for (const warning of resolution.warnings) log.warn(warning);
  try {
    const service = await openService(resolution, mode, { root, host: log });
    const untie = superviseProcess(service, log);
    void service.ending.then(() => watchShutdown(resolution.settings.shutdownTimeoutMs));
    const code = await service.run();
    untie();
    return code;
  } catch (error) {
    return reportFailure(error, log);
  }
}

/** @throws ConfigurationError, ProcessorError or UsageError the service cannot run */
async function openService(resolution: Resolution, mode: RunMode, logs: HostLogs): Promise<Service> {
  switch (resolution.kind) {
    case 'refused':
      throw resolution.error;
    case 'messages':
      if (mode === 'once') {
        throw new UsageError(
          '--once is for EXECUTION_TYPE=CRON; to process the messages of a queue and end, see EXIT_WHEN_FINISHED',
        );
      }
      announce(resolution, logs.host);
      return await openMessageService(resolution, logs);
    case 'schedule':
      announce(resolution, logs.host);
      return await openScheduleService(resolution, mode, logs);
  }
}

/** Logs the same lines as the Python host, and what loads the code. */
function announce({ service, loaded }: Exclude<Resolution, { readonly kind: 'refused' }>, log: Logger): void {
  for (const { module, type } of loaded.processors) {
    log.info(`processor_module: ${module}`);
    log.info(`processor_type: ${type}`);
  }
  log.info(`processor_loader: ${describeLoader(loaded, service)}`);
  log.info(`Service Processor Version: ${service.version}`);
}

/**
 * Ties the process to the service: the first SIGTERM, SIGINT or SIGHUP drains; a second one, or SIGQUIT, ends the process
 * at once; an uncaught error ends the service; an exit by user code is reported.
 *
 * @returns a function that unties them
 */
function superviseProcess(service: Service, log: Logger): () => void {
  const ignoreSignals = answerSignals(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'], {
    onFirst: (signal) => service.stop(signal),
    onLast: (signal) => log.warn({ signal, inFlight: service.inFlight() }, 'ending at once'),
  });
  const ignoreExits = reportForeignExits((exit) =>
    log.fatal({ exit: exit.code, inFlight: service.inFlight() }, describeForeignExit(exit)),
  );
  const onUncaught = (error: unknown) => service.crash(error);
  process.on('uncaughtException', onUncaught).on('unhandledRejection', onUncaught);
  return () => {
    ignoreSignals();
    ignoreExits();
    process.off('uncaughtException', onUncaught).off('unhandledRejection', onUncaught);
  };
}

/** Logs why the service did not start, one line per problem. */
function reportFailure(error: unknown, log: Logger): ExitCode {
  if (error instanceof ConfigurationError) {
    for (const problem of error.problems) log.fatal({ code: error.code, problem }, describeProblem(problem));
    return error.exitCode;
  }
  if (error instanceof SvchostError) {
    const { cause } = describeThrown(error);
    log.fatal({ code: error.code, ...(cause && { cause }) }, explain(error));
    return error.exitCode;
  }
  log.fatal({ error: describeThrown(error) }, 'the service could not start');
  return exitCode.failed;
}
