// Loads processors as a host does, outside of the test runner: that would translate modules which Node refuses.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ProcessorChoice } from '../../src/processor/loader.ts';

/** What came of loading: the processor, or the error that the host would end with. */
export type Loading =
  | {
      readonly module: string;
      readonly type: string;
      /** What an instance of it makes of a message. */
      readonly answer: unknown;
      readonly warnings: readonly string[];
    }
  | { readonly error: string; readonly code: string; readonly exitCode: number };

export interface Loader extends AsyncDisposable {
  load(directory: string, choice?: Partial<ProcessorChoice>): Promise<Loading>;
}

export function startLoader(): Loader {
  // Not with the runner's own flags.
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
