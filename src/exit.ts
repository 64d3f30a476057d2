// The end of the process: every exit that svchost decides goes through here, so that any other is noticed and fails.
import { exitCode } from './errors.ts';

/** An exit that svchost did not decide: user code called `process.exit`. */
export interface ForeignExit {
  /** The code that it wanted. */
  readonly code: number;
  /** The first place outside svchost that led to it, as in a stack; undefined if it is unknown. */
  readonly place: string | undefined;
}

/** Reports a foreign exit, synchronously: the process ends when it returns. */
export type ExitReport = (exit: ForeignExit) => void;

let isDecided = false;
let reports: ExitReport[] = [];

/** Ends the process with this code. */
export function endProcess(code: number): never {
  isDecided = true;
  process.exit(code);
}

/** From now on, an exit that svchost did not decide is reported on standard error, and its code is 1. */
export function failOnForeignExit(): void {
  // Node has reported the error itself, with its stack.
  process.on('uncaughtExceptionMonitor', () => (isDecided = true));
  process.on('exit', (code) => {
    if (isDecided) return;
    const report = reports.at(-1) ?? ((exit) => console.error(`svchost: ${describeForeignExit(exit)}`));
    try {
      report({ code, place: placeOf(new Error('exit')) });
    } finally {
      process.exitCode = exitCode.failed;
    }
  });
}

/**
 * Reports foreign exits in this way until the function that it returns is called.
 *
 * @returns a function that restores the earlier way
 */
export function reportForeignExits(report: ExitReport): () => void {
  reports.push(report);
  return () => (reports = reports.filter((each) => each !== report));
}

/** The event in words. */
export function describeForeignExit({ code, place }: ForeignExit): string {
  const where = place === undefined ? '' : ` (${place})`;
  return `the service's own code ended the process with process.exit(${code})${where}`;
}

function placeOf({ stack = '' }: Error): string | undefined {
  const frames = stack.split('\n').slice(1);
  const foreign = frames.find((frame) => !/\bnode:|\/exit\.[tj]s:/.test(frame));
  return foreign?.trim().replace(/^at /, '');
}
