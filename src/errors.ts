// Every error of svchost, its code, and every exit code.

/** The exit codes, taken from sysexits.h if it has one that fits. Their meanings are in `exitMeaning`. */
export const exitCode = {
  ok: 0,
  failed: 1,
  usage: 64,
  brokerRefused: 69,
  processor: 70,
  drainTimedOut: 75,
  configuration: 78,
} as const;

/** One of the codes that svchost ends with; a second signal ends the process with 128 + its number instead. */
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** The meaning of each exit code, for people: the help and the README list them. */
export const exitMeaning: Readonly<Record<ExitCode, string>> = {
  [exitCode.ok]: 'drained or finished',
  [exitCode.failed]: 'the service failed',
  [exitCode.usage]: 'wrong usage, or a Node that is too old',
  [exitCode.brokerRefused]:
    'the broker refused us for good: credentials, virtual host, rights; or a database file that cannot be used',
  [exitCode.processor]: 'the processor could not be found or loaded',
  [exitCode.drainTimedOut]:
    'the drain ran out of time, or a job left messages that cannot be moved: they were requeued',
  [exitCode.configuration]: 'the configuration is wrong',
};

/** The code of every error, and its meaning for people; docs/errors.md lists them. */
export const errorMeaning = {
  USAGE: 'a command was called with wrong arguments',
  CONFIGURATION: 'variables or files are wrong; `problems` has all of them',
  PROCESSOR: 'the processor could not be found, chosen or loaded',
  BROKER_REFUSED: 'the broker refused us for good: credentials, rights, a file that cannot be used',
  BROKER_UNREACHABLE: 'the broker could not be reached in time',
  NOT_CONNECTED: 'a broker connection was used before `connect` or after `close`',
  SEND_FAILED: 'the broker has not confirmed a message; it is safe to send it again',
  UNROUTABLE: 'there is no queue of that name, so the message was not sent',
  UNWRITABLE: 'the headers or properties of a message cannot be written',
  MESSAGE_REFUSED: 'the broker refuses this message: it is too large, or its queue is full',
  UNSUPPORTED: 'the broker cannot do this',
  DEAD_LETTER: 'thrown by a processor to give up on a message at once',
  DATABASE_FAILED: 'the file of the embedded queue could not be read or written',
  NOT_WRITTEN: 'the files of a new service could not be written',
} as const;

/** The stable, machine-readable name of a failure. */
export type ErrorCode = keyof typeof errorMeaning;

/**
 * The root of all errors that svchost itself raises. `code` is stable and meant for programs, the message for people:
 * the event, its place (the variable, file or queue by name), and the remedy.
 */
export class SvchostError extends Error {
  readonly code: ErrorCode;
  /** The exit code, if this error ends the process. */
  readonly exitCode: ExitCode;

  constructor(code: ErrorCode, message: string, options: { exitCode?: ExitCode; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = options.exitCode ?? exitCode.failed;
  }
}

/** The command line was used wrongly. */
export class UsageError extends SvchostError {
  constructor(message: string) {
    super('USAGE', message, { exitCode: exitCode.usage });
  }
}

/** One thing that is wrong with the configuration. `found` is masked if the variable is secret. */
export interface Problem {
  /** The variable or file. */
  readonly name: string;
  /** The expected value, or the remedy. */
  readonly expected: string;
  /** The value that was found instead. */
  readonly found: string;
}

/** The configuration is wrong; all problems at once. */
export class ConfigurationError extends SvchostError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super('CONFIGURATION', problems.map(describeProblem).join('\n'), { exitCode: exitCode.configuration });
    this.problems = problems;
  }
}

/** One problem as a line for people. */
export function describeProblem({ name, expected, found }: Problem): string {
  return `${name}: expected ${expected}; found ${found}`;
}

/** The processor could not be found, chosen or loaded. */
export class ProcessorError extends SvchostError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('PROCESSOR', message, { ...options, exitCode: exitCode.processor });
  }
}

/** The broker refused us for good: wrong credentials, no such virtual host, missing rights, an unusable file. */
export class BrokerRefusedError extends SvchostError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('BROKER_REFUSED', message, { ...options, exitCode: exitCode.brokerRefused });
  }
}

/** A message was not accepted by the broker: it is safe to send it again. */
export class SendError extends SvchostError {
  readonly queueName: string;

  constructor(queueName: string, message: string, options: { code?: ErrorCode; cause?: unknown } = {}) {
    super(options.code ?? 'SEND_FAILED', message, options);
    this.queueName = queueName;
  }
}

/** There is no queue of that name, so the message would have been dropped. */
export class UnroutableError extends SendError {
  constructor(queueName: string) {
    super(
      queueName,
      `no queue "${queueName}": the message was not sent; check the name, or start its service`,
      {
        code: 'UNROUTABLE',
      },
    );
  }
}

/**
 * A message cannot be sent as it is: the client cannot write it (code UNWRITABLE), or the broker refuses it and no other
 * (MESSAGE_REFUSED). It was not sent, and will not be accepted before something changes.
 */
export class MessageRefusedError extends SendError {
  /** Whether the same body might be accepted with fewer headers. */
  readonly canShrink: boolean;

  constructor(
    queueName: string,
    message: string,
    options: { code?: 'UNWRITABLE' | 'MESSAGE_REFUSED'; canShrink: boolean; cause?: unknown },
  ) {
    super(queueName, message, { code: options.code ?? 'MESSAGE_REFUSED', cause: options.cause });
    this.canShrink = options.canShrink;
  }
}

/** Headers or properties of a message have no form at the broker: too long, out of range, or no data. Nothing was sent. */
export class UnwritableError extends MessageRefusedError {
  constructor(queueName: string, cause: unknown) {
    super(
      queueName,
      `headers or properties of a message to queue "${queueName}" cannot be written: ${toError(cause).message}`,
      { code: 'UNWRITABLE', canShrink: true, cause },
    );
  }
}

/** The broker cannot do this. */
export class UnsupportedError extends SvchostError {
  constructor(message: string) {
    super('UNSUPPORTED', message, { exitCode: exitCode.usage });
  }
}

/**
 * Throw this from `process` to give up on a message at once: it becomes a dead letter with reason `rejected`, however
 * many attempts are left.
 */
export class DeadLetterError extends SvchostError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('DEAD_LETTER', message, options);
  }
}

/** The connection to the broker is not open: `connect` has not resolved yet, or `close` was called. */
export class NotConnectedError extends SvchostError {
  constructor(address: string) {
    super('NOT_CONNECTED', `no open connection to ${address}: connect first, and use nothing after close`);
  }
}

/** The broker could not be reached in time; says why the last attempt failed. */
export class UnreachableError extends SvchostError {
  constructor(address: string, timeoutMs: number, lastReason: string) {
    super(
      'BROKER_UNREACHABLE',
      `cannot reach the broker at ${address} within ${timeoutMs / 1000} s: ${lastReason}`,
    );
  }
}

/** The file of the embedded queue could not be read or written. */
export class DatabaseError extends SvchostError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('DATABASE_FAILED', message, options);
  }
}

/** The files of a new service could not be written; none of them is left. */
export class NotWrittenError extends SvchostError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('NOT_WRITTEN', message, options);
  }
}

/** Any thrown `value` as an Error. Other values are not quoted: they may hold a message's content. */
export function toError(value: unknown): Error {
  if (value instanceof Error) return value;
  if (typeof value === 'string') return new Error(value);
  return new Error(`${value === null ? 'null' : typeof value} was thrown instead of an Error`);
}
