// The root logger: level, format and destination of all lines.
import { pino, type Logger, type Level } from 'pino';
import { escapeTerminal } from './escape.ts';
import { missingPackage } from './missing-package.ts';
import { BoundedOutput } from './output.ts';

export type { Logger } from 'pino';

/** The values of LOG_LEVEL, the most severe first. */
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
/** The minimum level to log. */
export type LogLevel = Level | 'silent';
/** A value of LOG_FORMAT. */
export type LogFormat = 'json' | 'pretty';

/** The settings of the log. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

/**
 * A logger that writes to standard output, and never waits for its reader: see output.ts. Children of it carry a `name`:
 * `svchost` for the host's own lines, the service's name for the user's.
 */
export async function createLog({ level, format }: LogOptions): Promise<Logger> {
  const options = { level, base: { pid: process.pid } };
  const output = new BoundedOutput(process.stdout);
  const prettify = format === 'pretty' ? await loadPrettifier() : undefined;
  const write = (line: string) => output.write(prettify?.(legibleLine(line)) ?? line);
  const log = pino(options, { write });
  const hostLog = log.child({ name: 'svchost' });
  output.onDropped = (dropped) =>
    hostLog.warn({ dropped }, 'log lines were dropped, because nobody read them in time');
  if (format === 'pretty' && !prettify) {
    hostLog.warn('LOG_FORMAT is pretty, but the package pino-pretty is not installed; writing json');
  }
  return log;
}

/** Undefined if the package for it is not installed: it is optional, as a production host writes JSON. */
async function loadPrettifier(): Promise<((line: string) => string) | undefined> {
  try {
    const { default: pretty } = await import('pino-pretty');
    return pretty.prettyFactory({
      colorize: pretty.isColorSupported,
      ignore: 'pid',
      translateTime: 'SYS:HH:MM:ss.l',
    });
  } catch (error) {
    if (missingPackage(error) === undefined) throw error;
    return undefined;
  }
}

/** Continuation lines of a message are indented by so much, so that none looks like the beginning of another line. */
const indent = ' '.repeat(4);

/** A line of the log, as JSON, whose texts are safe to print. */
function legibleLine(json: string): string {
  const line = JSON.parse(json, (_name, value: unknown) =>
    typeof value === 'string' ? escapeTerminal(value) : value,
  ) as { msg?: unknown };
  if (typeof line.msg === 'string') line.msg = line.msg.replaceAll('\n', `\n${indent}`);
  return `${JSON.stringify(line)}\n`;
}

/** A logger that writes nothing. */
export const silentLog: Logger = pino({ level: 'silent' });
