// The worker's side of loading.ts: Node alone, with its own module loader.
import { parentPort } from 'node:worker_threads';
import { SvchostError } from '../../src/errors.ts';
import { loadProcessor, type ProcessorChoice } from '../../src/processor/loader.ts';
import type { MessageContext } from '../../src/processor/processor.ts';
import { readServiceDirectory } from '../../src/processor/directory.ts';
import type { Loading } from './loading.ts';

async function load(directory: string, choice: ProcessorChoice): Promise<Loading> {
  try {
    const { module, type, processorClass, warnings } = await loadProcessor(
      readServiceDirectory(directory),
      choice,
    );
    const answer = await new processorClass().process('message', {} as MessageContext);
    return { module, type, answer, warnings };
  } catch (error) {
    if (!(error instanceof SvchostError)) throw error;
    return { error: error.message, code: error.code, exitCode: error.exitCode };
  }
}

parentPort?.on('message', ({ directory, choice }: { directory: string; choice: ProcessorChoice }) => {
  void load(directory, choice).then((loading) => parentPort?.postMessage(loading));
});
