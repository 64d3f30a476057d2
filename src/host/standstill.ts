// Detects that the event loop is empty although the command has not finished: a failure that must not pass for success.
import { exitCode } from '../errors.ts';
import { endProcess } from '../exit.ts';

let answers: (() => void)[] = [];

/**
 * From now on, exits with 1 if the event loop runs empty before the command has finished: the code awaits a promise
 * that never settles. Without this, Node would exit with 0, as if all were well.
 */
export function failOnStandstill(): void {
  process.on('beforeExit', () => {
    const answer = answers.at(-1);
    if (answer) {
      answer();
      return;
    }
    console.error(
      'svchost: the event loop is empty but the service has not finished; ' +
        'is the processor awaiting a promise that never settles?',
    );
    endProcess(exitCode.failed);
  });
}

/**
 * Answers a standstill in this way until the function that it returns is called.
 *
 * @returns a function that restores the earlier way
 */
export function onStandstill(answer: () => void): () => void {
  answers.push(answer);
  return () => (answers = answers.filter((each) => each !== answer));
}
