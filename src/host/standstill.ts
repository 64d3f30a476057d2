// A process whose event loop is empty although it has not finished: that is a failure, and must not pass for success.
import { exitCode } from '../errors.ts';

/**
 * From now on, ends the process with 1 if nothing keeps it alive and it has not ended by itself: it awaits a promise that
 * never settles. Without this, Node would end it with 0, as if all were well.
 */
export function failOnStandstill(): void {
  process.once('beforeExit', () => {
    console.error(
      'svchost: the event loop is empty but the service has not finished; ' +
        'is the processor awaiting a promise that never settles?',
    );
    process.exit(exitCode.failed);
  });
}
