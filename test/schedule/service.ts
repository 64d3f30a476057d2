// A service on a schedule for tests of the CLI. Creates its files; the tests run the commands.
import { createTree, type Tree } from '../processor/tree.ts';

/** A processor that logs each run, and behaves as WORK says: it returns, throws, waits for its signal, or hangs. */
export const clock = `
  const { WORK = '' } = process.env;
  export class ClockServiceProcessor {
    #runs = 0;
    start() { if (WORK === 'crash') setTimeout(() => { throw new Error('nobody catches this'); }, 300); }
    async process({ scheduledFor, signal, log, lastRun }) {
      const run = ++this.#runs;
      log.info({ run, lateMs: Date.now() - scheduledFor.getTime(), last: lastRun?.outcome }, 'run begun');
      if (WORK === 'throw') throw new Error('this run failed');
      if (WORK === 'wait') {
        const alive = setInterval(() => {}, 1000);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        clearInterval(alive);
        log.info('aborted: ' + signal.reason.message);
        throw signal.reason;
      }
      if (WORK === 'hang') await new Promise(() => setInterval(() => {}, 1000));
      if (WORK.endsWith('ms')) await new Promise((resolve) => setTimeout(resolve, Number.parseInt(WORK)));
      log.info({ run }, 'run finished');
    }
    stop() { console.log(JSON.stringify({ msg: 'stop called' })); }
  }`;

const files: Tree = {
  'package.json': { name: 'clock', version: '1.2.3', type: 'module' },
  'processor.js': clock,
};

/** A service that the environment puts on a schedule; `changes` are added. */
export function createScheduledService(changes: Tree = {}): string {
  return createTree({ ...files, ...changes });
}

/** The environment of a schedule. */
export function every(amount: string, unit = 'seconds'): Readonly<Record<string, string>> {
  return { EXECUTION_TYPE: 'CRON', CRON_TIME_AMOUNT: amount, CRON_TIME_UNIT: unit };
}
