// `svchost check`: everything that `run` would use, resolved but not run, with every problem named.
import { systemClock } from '../clock.ts';
import type { RetryPolicy } from '../config/settings.ts';
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
import { isInspectable } from '../messaging/capability.ts';
import { upcoming, type Schedule } from '../schedule/schedule.ts';
import { formatInstant } from '../schedule/wall-clock.ts';
import { retryDelaysMs } from '../service/delivery/retry.ts';
import { openBroker } from '../host/broker.ts';
import { processorProblem, resolutionError, resolveService, type Resolution } from '../host/resolution.ts';

/** What check tells. `--json` writes all but the warnings, which go to standard error there. */
export interface CheckReport {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  readonly service: { readonly name: string; readonly version: string; readonly dir: string } | null;
  readonly processor: { readonly module: string; readonly type: string } | null;
  readonly executionType: string;
  /** Null where no broker is used. */
  readonly messaging: MessagingReport | null;
  /** Null on a schedule. */
  readonly retry: RetryReport | null;
  /** On a schedule only; null where it is wrong. */
  readonly schedule?: ScheduleReport | null;
}

interface MessagingReport {
  readonly type: string;
  readonly queueName: string | null;
  readonly deadLetterQueueName: string | null;
  readonly concurrency: number;
  /** The address, secrets masked. */
  readonly broker: string;
}

interface RetryReport {
  readonly maxAttempts: number;
  /** Seconds. */
  readonly initialDelay: number;
  readonly factor: number;
  /** Seconds. */
  readonly maxDelay: number;
  /** The pauses that come of it, in seconds. */
  readonly delays: readonly number[];
}

interface ScheduleReport {
  readonly kind: Schedule['kind'];
  /** An IANA name. */
  readonly timezone: string;
  /** The next occurrences, ISO 8601 with the offset of the zone. */
  readonly next: readonly string[];
}

/** How many occurrences are shown. */
const shownOccurrences = 5;

/**
 * Resolves the service of a directory.
 *
 * @param connect also reach the broker
 * @returns the report, the schedule in words, and the exit code that `run` would end with
 */
export async function check(
  directory: string,
  connect: boolean,
): Promise<{ report: CheckReport; words: string | undefined; code: ExitCode }> {
  const resolution = await resolveService(directory);
  const failure = resolutionError(resolution);
  const mayConnect = connect && !failure && usesBroker(resolution);
  const { address, error, warnings } = await reach(resolution, mayConnect);
  const failures = [failure, error].filter((found) => found !== undefined);
  const now = new Date(systemClock.now());
  const noted = { ...resolution, warnings: [...resolution.warnings, ...warnings] };
  const report = createReport(noted, address, failures, now);
  const code = failures
    .map((found) => (found instanceof SvchostError ? found.exitCode : exitCode.failed))
    .at(0);
  return { report, words: resolution.schedule?.describe(), code: code ?? exitCode.ok };
}

/**
 * The report for people.
 *
 * @param words the schedule in words, where there is one
 */
export function describeReport(report: CheckReport, words: string | undefined): string {
  const { service, processor } = report;
  const rows: Row[] = [
    ['service', service ? `${service.name} ${service.version} (${service.dir})` : 'none'],
    ['processor', processor ? `${processor.type} of ${processor.module}` : 'none'],
    ['execution type', report.executionType],
    ...(report.schedule === undefined
      ? describeMessaging(report)
      : describeSchedule(report.schedule, words, report.messaging)),
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(15)} ${value}`);
  const warnings = report.warnings.map((warning) => `warning: ${warning}`);
  const problems = report.problems.map((problem) => `problem: ${describeProblem(problem)}`);
  return [...lines, ...warnings, ...problems, report.ok ? 'ok' : 'not ok'].join('\n');
}

type Row = readonly [name: string, value: string];

function describeMessaging({ messaging, retry }: CheckReport): Row[] {
  if (!messaging || !retry) return [];
  return [
    ['broker', `${messaging.type} ${messaging.broker}`],
    ['queue', messaging.queueName ?? 'none'],
    ['dead letters', messaging.deadLetterQueueName ?? 'none'],
    ['concurrency', String(messaging.concurrency)],
    ['attempts', describeRetry(retry)],
  ];
}

function describeSchedule(
  schedule: ScheduleReport | null,
  words: string | undefined,
  messaging: MessagingReport | null,
): Row[] {
  const next = schedule?.next.map((instant, index): Row => [index === 0 ? 'next runs' : '', instant]) ?? [];
  const replicas: Row[] = messaging
    ? [
        ['replicas', 'one of them runs'],
        ['broker', `${messaging.type} ${messaging.broker}`],
      ]
    : [['replicas', 'each runs']];
  const zone: Row[] = schedule ? [['time zone', schedule.timezone]] : [];
  return [['schedule', words ?? 'none'], ...zone, ...next, ...replicas];
}

function describeRetry({ maxAttempts, delays }: RetryReport): string {
  return delays.length === 0 ? `${maxAttempts}` : `${maxAttempts}, with pauses of ${delays.join(', ')} s`;
}

function createReport(
  resolution: Resolution,
  broker: string,
  failures: readonly Error[],
  now: Date,
): CheckReport {
  const { settings, service, processor, schedule, warnings } = resolution;
  const isScheduled = settings.executionType === 'CRON';
  return {
    ok: failures.length === 0,
    problems: failures.flatMap(asProblems),
    warnings,
    service: service ? { name: service.name, version: service.version, dir: service.path } : null,
    processor: processor ? { module: processor.module, type: processor.type } : null,
    executionType: settings.executionType,
    messaging: usesBroker(resolution) ? reportMessaging(resolution, broker) : null,
    retry: isScheduled ? null : reportRetry(settings.retry),
    ...(isScheduled ? { schedule: schedule ? reportSchedule(schedule, now) : null } : {}),
  };
}

/** A schedule needs a broker only for what its replicas share. */
function usesBroker({ settings }: Resolution): boolean {
  return settings.executionType === 'MESSAGING' || settings.schedule.replicas === 'once';
}

function reportMessaging({ settings, queues }: Resolution, broker: string): MessagingReport {
  return {
    type: settings.messaging.type,
    queueName: queues?.queueName ?? null,
    deadLetterQueueName: queues?.deadLetterQueueName ?? null,
    concurrency: settings.concurrency,
    broker,
  };
}

function reportRetry(policy: RetryPolicy): RetryReport {
  const { maxAttempts, initialDelayMs, factor, maxDelayMs } = policy;
  return {
    maxAttempts,
    initialDelay: initialDelayMs / 1000,
    factor,
    maxDelay: maxDelayMs / 1000,
    delays: retryDelaysMs(policy).map((delayMs) => delayMs / 1000),
  };
}

function reportSchedule(schedule: Schedule, now: Date): ScheduleReport {
  const { kind, timezone } = schedule;
  const next = upcoming(schedule, now, shownOccurrences).map((instant) => formatInstant(instant, timezone));
  return { kind, timezone, next };
}

function asProblems(error: Error): readonly Problem[] {
  if (error instanceof ConfigurationError) return error.problems;
  if (error instanceof ProcessorError) return [processorProblem(error)];
  return [{ name: 'broker', expected: 'a broker that can be reached', found: error.message }];
}

/** The broker's address, what went wrong on the way to it, and what it says about the queue. */
async function reach(
  { settings, service, queues }: Resolution,
  connect: boolean,
): Promise<{ address: string; error: Error | undefined; warnings: readonly string[] }> {
  const broker = await openBroker(settings.messaging, service, 'check');
  const { address } = broker.adapter;
  if (!connect) return { address, error: undefined, warnings: [] };
  try {
    await broker.connect();
    const { maxAttempts } = settings.retry;
    const { adapter } = broker;
    const warnings =
      queues && isInspectable(adapter) ? await adapter.inspectQueue(queues.queueName, maxAttempts) : [];
    return { address, error: undefined, warnings };
  } catch (error) {
    return { address, error: toError(error), warnings: [] };
  } finally {
    await broker.adapter.close();
  }
}
