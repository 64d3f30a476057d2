// What a process does that nothing can wake any more, though it is not done.
import { exitCode } from '../errors.ts';

/**
 * From now on, ends the process with 1 where nothing keeps it alive and it has not ended: it waits for what will never
 * come. Without this, Node would end with 0, as if all were well.
 */
export function failOnStandstill(): void {
  process.once('beforeExit', () => {
    console.error(
      'svchost: nothing can wake this process any more, and it is not done; does the processor await for ever?',
    );
    process.exit(exitCode.failed);
  });
}
