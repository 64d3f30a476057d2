// `svchost check`: everything that `run` would use, resolved but not run, with every problem named.
import {
  ConfigurationError,
  describeProblem,
  exitCode,
  ProcessorError,
  SvchostError,
  toError,
  type ExitCode,
  type Problem,
} from '../errors.ts';
import { retryDelaysMs } from '../service/retry.ts';
import { openBroker } from './reach.ts';
import { processorProblem, resolutionError, resolveService, type Resolution } from './resolve.ts';

/** What check tells. `--json` writes all but the warnings, which go to standard error there. */
export interface CheckReport {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  readonly service: { readonly name: string; readonly version: string; readonly dir: string } | null;
  readonly processor: { readonly module: string; readonly type: string } | null;
  readonly executionType: string;
  readonly messaging: {
    readonly type: string;
    readonly queueName: string | null;
    readonly deadLetterQueueName: string | null;
    readonly concurrency: number;
    /** The address, secrets masked. */
    readonly broker: string;
  };
  readonly retry: {
    readonly maxAttempts: number;
    /** Seconds. */
    readonly initialDelay: number;
    readonly factor: number;
    /** Seconds. */
    readonly maxDelay: number;
    /** The pauses that come of it, in seconds. */
    readonly delays: readonly number[];
  };
}

/**
 * Resolves the service of a directory.
 *
 * @param connect also reach the broker
 * @returns the report, and the exit code that `run` would end with
 */
export async function check(
  directory: string,
  connect: boolean,
): Promise<{ report: CheckReport; code: ExitCode }> {
  const resolution = await resolveService(directory);
  const failure = resolutionError(resolution);
  const { address, error } = await reach(resolution, connect && !failure);
  const failures = [failure, error].filter((found) => found !== undefined);
  const report = createReport(resolution, address, failures);
  const code = failures
    .map((found) => (found instanceof SvchostError ? found.exitCode : exitCode.failed))
    .at(0);
  return { report, code: code ?? exitCode.ok };
}

/** The report for people. */
export function describeReport(report: CheckReport): string {
  const { service, processor, messaging, retry } = report;
  const rows: [string, string][] = [
    ['service', service ? `${service.name} ${service.version} (${service.dir})` : 'none'],
    ['processor', processor ? `${processor.type} of ${processor.module}` : 'none'],
    ['execution type', report.executionType],
    ['broker', `${messaging.type} ${messaging.broker}`],
    ['queue', messaging.queueName ?? 'none'],
    ['dead letters', messaging.deadLetterQueueName ?? 'none'],
    ['concurrency', String(messaging.concurrency)],
    ['attempts', describeRetry(retry)],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(15)} ${value}`);
  const warnings = report.warnings.map((warning) => `warning: ${warning}`);
  const problems = report.problems.map((problem) => `problem: ${describeProblem(problem)}`);
  return [...lines, ...warnings, ...problems, report.ok ? 'ok' : 'not ok'].join('\n');
}

function describeRetry({ maxAttempts, delays }: CheckReport['retry']): string {
  return delays.length === 0 ? `${maxAttempts}` : `${maxAttempts}, with pauses of ${delays.join(', ')} s`;
}

function createReport(resolution: Resolution, broker: string, failures: readonly Error[]): CheckReport {
  const { settings, service, processor, queues, warnings } = resolution;
  const { maxAttempts, initialDelayMs, factor, maxDelayMs } = settings.retry;
  return {
    ok: failures.length === 0,
    problems: failures.flatMap(asProblems),
    warnings,
    service: service ? { name: service.name, version: service.version, dir: service.path } : null,
    processor: processor ? { module: processor.module, type: processor.type } : null,
    executionType: settings.executionType,
    messaging: {
      type: settings.messaging.type,
      queueName: queues?.queueName ?? null,
      deadLetterQueueName: queues?.deadLetterQueueName ?? null,
      concurrency: settings.concurrency,
      broker,
    },
    retry: {
      maxAttempts,
      initialDelay: initialDelayMs / 1000,
      factor,
      maxDelay: maxDelayMs / 1000,
      delays: retryDelaysMs(settings.retry).map((delayMs) => delayMs / 1000),
    },
  };
}

function asProblems(error: Error): readonly Problem[] {
  if (error instanceof ConfigurationError) return error.problems;
  if (error instanceof ProcessorError) return [processorProblem(error)];
  return [{ name: 'broker', expected: 'a broker that can be reached', found: error.message }];
}

/** The broker's address, and what went wrong on the way to it. */
async function reach(
  { settings, service }: Resolution,
  connect: boolean,
): Promise<{ address: string; error: Error | undefined }> {
  const broker = await openBroker(settings.messaging, service, 'check');
  const { address } = broker.adapter;
  if (!connect) return { address, error: undefined };
  try {
    await broker.connect();
    return { address, error: undefined };
  } catch (error) {
    return { address, error: toError(error) };
  } finally {
    await broker.adapter.close();
  }
}
