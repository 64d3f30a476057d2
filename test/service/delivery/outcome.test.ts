// How an error becomes an outcome, as a table.
import { describe, expect, it } from 'vitest';
import { DeadLetterError } from '../../../src/errors.ts';
import {
  CrashError,
  CrashLoopError,
  CutOffError,
  InvalidMessageError,
  ProcessTimeoutError,
  UndecodableError,
} from '../../../src/service/delivery/failure.ts';
import { outcomeOfError } from '../../../src/service/delivery/outcome.ts';

const policy = { maxAttempts: 3, initialDelayMs: 10, factor: 2, maxDelayMs: 15 };

/** As another version of this package throws it. */
class DeadLetterErrorOfACopy extends Error {
  readonly code = 'DEAD_LETTER';
}

describe('an attempt that ended with', () => {
  it.for<[string, unknown, string, string]>([
    ['an error', new Error('no'), 'retry', 'failed'],
    ['nothing', undefined, 'retry', 'failed'],
    ['the time limit', new ProcessTimeoutError(1000), 'retry', 'timeout'],
    ['an uncaught error', new CrashError(new Error('no')), 'retry', 'crashed'],
    ['a body that is not a message', new UndecodableError('no'), 'dead', 'undecodable'],
    ['a refusal by the schema', new InvalidMessageError([{ message: 'no' }]), 'dead', 'invalid'],
    ['a DeadLetterError', new DeadLetterError('no'), 'dead', 'rejected'],
    ['a DeadLetterError of another copy of the package', new DeadLetterErrorOfACopy(), 'dead', 'rejected'],
    ['too many dead hosts', new CrashLoopError(3), 'dead', 'crashed'],
    [
      'a value with the code of a DeadLetterError that is not an error',
      { code: 'DEAD_LETTER' },
      'retry',
      'failed',
    ],
  ])('%s', ([, error, first, reason]) => {
    const early = outcomeOfError(error, 2, policy);
    expect(early.kind).toBe(first);
    if (early.kind === 'retry') expect(early.delayMs).toBe(15);
    for (const attempt of [3, 4, 1000]) {
      expect(outcomeOfError(error, attempt, policy)).toMatchObject({ kind: 'dead', reason });
    }
  });

  it('the drain running out of time is requeued, whatever the attempt', () => {
    for (const attempt of [1, 3, 1000]) {
      expect(outcomeOfError(new CutOffError(), attempt, policy)).toEqual({ kind: 'requeue' });
    }
  });
});
