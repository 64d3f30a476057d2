// The ways in which a delivery can fail before, in or around `process`. Users see them in logs and dead letters only.
import { DeadLetterError } from '../../errors.ts';
import type { Failure } from '../../messaging/dead-letter.ts';
import type { DeadReason } from '../../messaging/dead-letter.ts';
import type { SchemaIssue } from '../../processor/processor.ts';
import { cutMessage, explain, describeThrown } from '../../thrown.ts';

/** The body is not UTF-8 JSON. */
export class UndecodableError extends Error {
  override readonly name = 'UndecodableError';
}

/** The processor's schema refused the message. The text of this error names fields, never their values. */
export class InvalidMessageError extends Error {
  override readonly name = 'InvalidMessageError';
  /** The schema's own words, values included: for the dead letter, which holds the body anyway; not for the log. */
  readonly details: string;

  constructor(issues: readonly SchemaIssue[]) {
    super(`the schema refused ${issues.map(describePath).join(', ')}`);
    this.details = issues.map((issue) => `${describePath(issue)}: ${issue.message}`).join('; ');
  }
}

/** `process` took longer than PROCESS_TIMEOUT. */
export class ProcessTimeoutError extends Error {
  override readonly name = 'ProcessTimeoutError';

  constructor(timeoutMs: number) {
    super(`process took longer than PROCESS_TIMEOUT (${timeoutMs / 1000} s)`);
  }
}

/** `process` has returned something that would do the work only if somebody began it. */
export class NotBegunError extends Error {
  override readonly name = 'NotBegunError';

  /** @param what as in `an iterator` */
  constructor(what: string) {
    super(
      `process returned ${what}, so its work has not begun: return a promise, or nothing once all is done`,
    );
  }
}

/** An uncaught exception or rejection, which came from this delivery and ends the process. */
export class CrashError extends Error {
  override readonly name = 'CrashError';

  constructor(cause: unknown) {
    const { name, message } = describeThrown(cause);
    super(`uncaught ${name}: ${message}`, { cause });
  }
}

/** The host has died of this message as often as CRASH_MAX_DELIVERIES allows. */
export class CrashLoopError extends Error {
  override readonly name = 'CrashLoopError';

  constructor(crashes: number) {
    super(`the host died, or lost its connection, ${crashes} times while it processed this message`);
  }
}

/** The drain ran out of time; the delivery is requeued. */
export class CutOffError extends Error {
  override readonly name = 'CutOffError';

  constructor() {
    super('the service is stopping, and work in flight has run out of time');
  }
}

/** The dead letter's reason for an error; `isFinal` if another attempt makes no sense. */
export function reasonOf(error: unknown): { reason: DeadReason; isFinal: boolean } {
  if (error instanceof UndecodableError) return { reason: 'undecodable', isFinal: true };
  if (error instanceof InvalidMessageError) return { reason: 'invalid', isFinal: true };
  if (isDeadLetterError(error)) return { reason: 'rejected', isFinal: true };
  if (error instanceof ProcessTimeoutError) return { reason: 'timeout', isFinal: false };
  if (error instanceof CrashLoopError) return { reason: 'crashed', isFinal: true };
  if (error instanceof CrashError) return { reason: 'crashed', isFinal: false };
  return { reason: 'failed', isFinal: false };
}

/** Also by its code: the error may come from another copy of this package. */
function isDeadLetterError(error: unknown): boolean {
  return (
    error instanceof DeadLetterError ||
    (error instanceof Error && 'code' in error && error.code === 'DEAD_LETTER')
  );
}

/** An error in the form that a dead letter keeps: its message, and its causes. */
export function failureOf(error: unknown): Failure {
  const { name } = describeThrown(error);
  if (!(error instanceof InvalidMessageError)) {
    return { name, message: cutMessage(explain(error)) };
  }
  return { name, message: cutMessage(error.details) };
}

function describePath({ path = [] }: SchemaIssue): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return keys.length === 0 ? 'the message' : keys.join('.');
}
