// The ways in which a delivery can fail before, in or around `process`. Errors of this folder; users never see them.
import { DeadLetterError } from '../../errors.ts';
import type { Failure } from '../../messaging/dead-letter.ts';
import type { DeadReason } from '../../messaging/dead-letter.ts';
import type { SchemaIssue } from '../../processor/processor.ts';
import { cutMessage, describeThrown } from '../../thrown.ts';

/** The body is not a message. */
export class UndecodableError extends Error {
  override readonly name = 'UndecodableError';
}

/** The processor's schema refused the message. The message of this error names the places, never the values. */
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

/** An exception or rejection that nothing caught came out of this delivery's work, and ends the process. */
export class CrashError extends Error {
  override readonly name = 'CrashError';

  constructor(cause: unknown) {
    const { name, message } = describeThrown(cause);
    super(`nothing caught ${name}: ${message}`, { cause });
  }
}

/** The host died each time this message was delivered, as many times as the message may be tried. */
export class CrashLoopError extends Error {
  override readonly name = 'CrashLoopError';

  constructor(crashes: number) {
    super(`delivered ${crashes} times without an outcome: the host died, or lost the broker, each time`);
  }
}

/** The drain ran out of time; the delivery is requeued. */
export class CutOffError extends Error {
  override readonly name = 'CutOffError';

  constructor() {
    super('the service is stopping, and the time for work in flight is up');
  }
}

/** The reason that a dead letter gets for an error, and whether another attempt makes sense. */
export function reasonOf(error: unknown): { reason: DeadReason; isFinal: boolean } {
  if (error instanceof UndecodableError) return { reason: 'undecodable', isFinal: true };
  if (error instanceof InvalidMessageError) return { reason: 'invalid', isFinal: true };
  if (isDeadLetterError(error)) return { reason: 'rejected', isFinal: true };
  if (error instanceof ProcessTimeoutError) return { reason: 'timeout', isFinal: false };
  if (error instanceof CrashLoopError) return { reason: 'crashed', isFinal: true };
  if (error instanceof CrashError) return { reason: 'crashed', isFinal: false };
  return { reason: 'failed', isFinal: false };
}

/** By its code, so that a second copy of this package is understood as well. */
function isDeadLetterError(error: unknown): boolean {
  return (
    error instanceof DeadLetterError ||
    (error instanceof Error && 'code' in error && error.code === 'DEAD_LETTER')
  );
}

/** An error as a dead letter keeps it. */
export function failureOf(error: unknown): Failure {
  const { name, message } = describeThrown(error);
  if (!(error instanceof InvalidMessageError)) return { name, message };
  return { name, message: cutMessage(error.details) };
}

function describePath({ path = [] }: SchemaIssue): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return keys.length === 0 ? 'the message' : keys.join('.');
}
