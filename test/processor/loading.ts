// Loads processors as a host does, outside the test runner, which would translate modules that Node refuses.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ProcessorChoice } from '../../src/processor/loader.ts';

/** The result of loading: the processor, or the error with which the host would end. */
export type Loading =
  | {
      readonly module: string;
      readonly type: string;
      /** The result of an instance for a message. */
      readonly answer: unknown;
      readonly warnings: readonly string[];
      /** The names of the other processors, if PROCESSOR_TYPE chooses several. */
      readonly others?: readonly string[];
    }
  | { readonly error: string; readonly code: string; readonly exitCode: number };

/** A worker that loads processors; disposing of it ends the worker. */
export interface Loader extends AsyncDisposable {
  load(directory: string, choice?: Partial<ProcessorChoice>): Promise<Loading>;
}

/** Starts a worker that loads processors. */
export function startLoader(): Loader {
  // Without the runner's own flags.
  const worker = new Worker(new URL('./loading-worker.ts', import.meta.url), { execArgv: [] });
  return {
    load: async (directory, { module, type } = {}) => {
      const answer = once(worker, 'message');
      worker.postMessage({ directory, choice: { module, type } });
      const [loading] = (await answer) as [Loading];
      return loading;
    },
    [Symbol.asyncDispose]: async () => {
      await worker.terminate();
    },
  };
}
