// `svchost check`: shows all that `run` would use, without running it, and names every problem.
import path from 'node:path';
import type { Command } from 'commander';
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
import { escapeControls } from '../escape.ts';
import { openBroker, type ReachableBroker } from '../host/broker.ts';
import type { MessageAdapter } from '../messaging/adapter.ts';
import { isInspectable } from '../messaging/capability.ts';
import {
  describeLoader,
  processorProblem,
  resolveService,
  type BoundProcessor,
  type Resolution,
} from '../host/resolution.ts';
import { upcoming, type Schedule } from '../schedule/schedule.ts';
import { formatInstant } from '../schedule/wall-clock.ts';
import { retryDelaysMs } from '../service/delivery/retry.ts';
import { explain } from '../thrown.ts';
import { directoryOption, warn, type End } from './command.ts';

interface CheckFlags {
  readonly dir: string;
  readonly json?: boolean;
  readonly connect?: boolean;
}

/** Declares `check`. */
export function declareCheck(program: Command, end: End): void {
  program
    .command('check')
    .description('show what run would use, and every problem, without running it')
    .option(...directoryOption)
    .option('--json', 'print JSON, for programs')
    .option('--connect', 'also connect to the broker')
    .action(async ({ dir, json = false, connect = false }: CheckFlags) => {
      const { report, words, code } = await check(path.resolve(dir), connect);
      const { warnings, ...facts } = report;
      if (json) warnings.forEach(warn);
      console.log(json ? JSON.stringify(facts, undefined, 2) : describeReport(report, words));
      end(code);
    })
    .addHelpText('after', help);
}

const help = `
Examples:
  $ svchost check                  exits as run would: 0, 70 or 78
  $ svchost check --connect        69 if the broker refuses us
  $ svchost check --json | jq .messaging.queueName`;

/** The result of a `check`. `--json` writes all but the warnings, which then go to standard error. */
export interface CheckReport {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  readonly service: { readonly name: string; readonly version: string; readonly dir: string } | null;
  readonly processor: {
    readonly module: string;
    readonly type: string;
    /** What loads its code: `Node`, or a package that the service has installed, and why. */
    readonly loader: string;
  } | null;
  readonly executionType: string;
  /** Null if no broker is used. */
  readonly messaging: MessagingReport | null;
  /** Null on a schedule. */
  readonly retry: RetryReport | null;
  /** Only if there are several: each with its queue. The fields above then describe the first. */
  readonly processors?: readonly ProcessorReport[];
  /** On a schedule only; null if it is wrong. */
  readonly schedule?: ScheduleReport | null;
}

interface ProcessorReport {
  readonly module: string;
  readonly type: string;
  readonly queueName: string;
  readonly deadLetterQueueName: string;
  readonly concurrency: number;
  readonly retry: RetryReport;
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
  /** The delays that result from these, in seconds. */
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

/** The name of a problem with the connection, rather than with a variable or file. */
const brokerProblem = 'broker';

/**
 * Resolves the service of a directory.
 *
 * @param directory absolute
 * @param connect also connect to the broker, if the service could run
 * @returns the report, the schedule in words, and the exit code that `run` would end with
 */
export async function check(
  directory: string,
  connect: boolean,
): Promise<{ report: CheckReport; words: string | undefined; code: ExitCode }> {
  const resolution = await resolveService(directory);
  const reached = usesBroker(resolution) ? await reachBroker(resolution, connect) : noBroker;
  const failure = resolution.kind === 'refused' ? resolution.error : reached.failure;
  return {
    report: createReport(resolution, reached, failure),
    words: resolution.schedule?.describe(),
    code: failure === undefined ? exitCode.ok : exitCodeOf(failure),
  };
}

function exitCodeOf(failure: Error): ExitCode {
  return failure instanceof SvchostError ? failure.exitCode : exitCode.failed;
}

/** A schedule needs a broker only if its replicas share it. */
function usesBroker({ settings }: Resolution): boolean {
  return settings.executionType === 'MESSAGING' || settings.schedule.replicas === 'once';
}

/** The broker of a service. */
interface ReachedBroker {
  readonly address: string;
  readonly failure?: Error;
  /** Warnings about the queue as it is configured at the broker. */
  readonly warnings: readonly string[];
}

const noBroker: ReachedBroker = { address: '', warnings: [] };

async function reachBroker(resolution: Resolution, connect: boolean): Promise<ReachedBroker> {
  let broker: ReachableBroker | undefined;
  try {
    broker = await openBroker(resolution.settings.messaging, resolution.service, 'check');
    const { address } = broker.adapter;
    if (!connect || resolution.kind === 'refused') return { address, warnings: [] };
    await broker.connect();
    const inspected = inspect(resolution, broker.adapter);
    return { address, warnings: await broker.await('to describe the queue', inspected) };
  } catch (error) {
    return { address: broker?.adapter.address ?? '', failure: toError(error), warnings: [] };
  } finally {
    await broker?.adapter.close();
  }
}

/** Warnings about the queues as they are configured at the broker. */
async function inspect({ bound }: Resolution, adapter: MessageAdapter): Promise<readonly string[]> {
  if (!bound || !isInspectable(adapter)) return [];
  const warnings: string[] = [];
  for (const { queues, policy } of bound) {
    const { maxAttempts } = policy.retry;
    const { queueName, deadLetterQueueName } = queues;
    const needs = { maxAttempts, deadLetterQueueName, retryDelaysMs: retryDelaysMs(policy.retry) };
    warnings.push(...(await adapter.inspectQueue(queueName, needs)));
  }
  return warnings;
}

function createReport(
  resolution: Resolution,
  broker: ReachedBroker,
  failure: Error | undefined,
): CheckReport {
  const { settings, service, schedule, warnings, bound = [] } = resolution;
  const isScheduled = settings.executionType === 'CRON';
  return {
    ok: failure === undefined,
    problems: failure === undefined ? [] : toProblems(failure),
    warnings: [...warnings, ...broker.warnings],
    service: service ? { name: service.name, version: service.version, dir: service.path } : null,
    processor: reportProcessor(resolution),
    executionType: settings.executionType,
    messaging: usesBroker(resolution) ? reportMessaging(resolution, broker.address) : null,
    retry: isScheduled ? null : reportRetry(bound[0]?.policy.retry ?? settings.retry),
    ...(bound.length > 1 && { processors: bound.map(reportBound) }),
    ...(isScheduled && { schedule: schedule ? reportSchedule(schedule) : null }),
  };
}

function reportProcessor({ loaded, service }: Resolution): CheckReport['processor'] {
  const [first] = loaded?.processors ?? [];
  if (!loaded || !service || !first) return null;
  return { module: first.module, type: first.type, loader: describeLoader(loaded, service) };
}

function reportBound({ processor, queues, policy }: BoundProcessor): ProcessorReport {
  const { module, type } = processor;
  const { queueName, deadLetterQueueName } = queues;
  const { concurrency, retry } = policy;
  return { module, type, queueName, deadLetterQueueName, concurrency, retry: reportRetry(retry) };
}

function toProblems(failure: Error): readonly Problem[] {
  if (failure instanceof ConfigurationError) return failure.problems;
  if (failure instanceof ProcessorError) return [processorProblem(failure)];
  return [{ name: brokerProblem, expected: 'a connection to the broker', found: explain(failure) }];
}

function reportMessaging({ settings, bound }: Resolution, broker: string): MessagingReport {
  const [first] = bound ?? [];
  return {
    type: settings.messaging.type,
    queueName: first?.queues.queueName ?? null,
    deadLetterQueueName: first?.queues.deadLetterQueueName ?? null,
    concurrency: first?.policy.concurrency ?? settings.concurrency,
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

function reportSchedule(schedule: Schedule): ScheduleReport {
  const { kind, timezone } = schedule;
  const next = upcoming(schedule, new Date(systemClock.now()), shownOccurrences);
  return { kind, timezone, next: next.map((instant) => formatInstant(instant, timezone)) };
}

/**
 * The report for people.
 *
 * @param words the schedule in words, if there is one
 */
export function describeReport(report: CheckReport, words: string | undefined): string {
  const { service, processor } = report;
  const rows: Row[] = [
    ['service', service ? `${service.name} ${service.version} (${service.dir})` : 'none'],
    ...(report.processors ? [] : [describeProcessor(processor)]),
    ['loaded by', processor?.loader ?? 'none'],
    ['execution type', report.executionType],
    ...(report.schedule === undefined ? messagingRows(report) : scheduleRows(report, words)),
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(15)} ${escapeControls(value)}`);
  const warnings = report.warnings.map((warning) => `warning: ${escapeControls(warning)}`);
  const problems = report.problems.map((problem) => `problem: ${escapeControls(problemLine(problem))}`);
  return [...lines, ...warnings, ...problems, report.ok ? 'ok' : 'not ok'].join('\n');
}

type Row = readonly [name: string, value: string];

function describeProcessor(processor: CheckReport['processor']): Row {
  return ['processor', processor ? `${processor.type} of ${processor.module}` : 'none'];
}

function messagingRows({ messaging, retry, processors = [] }: CheckReport): Row[] {
  if (!messaging || !retry) return [];
  const queues = processors.length > 0 ? processors : [{ ...messaging, retry }];
  return [
    ['broker', `${messaging.type} ${messaging.broker}`],
    ...queues.flatMap((queue): Row[] => [
      ...('module' in queue ? [['processor', `${queue.type} of ${queue.module}`] as const] : []),
      ['queue', queue.queueName ?? 'none'],
      ['dead letters', queue.deadLetterQueueName ?? 'none'],
      ['concurrency', String(queue.concurrency)],
      ['attempts', describeRetry(queue.retry)],
    ]),
  ];
}

function scheduleRows({ schedule, messaging }: CheckReport, words = 'none'): Row[] {
  const next = schedule?.next.map((instant, index): Row => [index === 0 ? 'next runs' : '', instant]) ?? [];
  const zone: Row[] = schedule ? [['time zone', schedule.timezone]] : [];
  const broker: Row[] = messaging ? [['broker', `${messaging.type} ${messaging.broker}`]] : [];
  const replicas: Row = ['replicas', messaging ? 'one of them runs' : 'each runs'];
  return [['schedule', words], ...zone, ...next, replicas, ...broker];
}

function describeRetry({ maxAttempts, delays }: RetryReport): string {
  return delays.length === 0 ? `${maxAttempts}` : `${maxAttempts}, with pauses of ${delays.join(', ')} s`;
}

/** A broker's error has a message that is complete by itself; any other problem reads "expected …; found …". */
function problemLine(problem: Problem): string {
  return problem.name === brokerProblem ? problem.found : describeProblem(problem);
}
