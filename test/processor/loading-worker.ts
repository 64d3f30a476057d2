// The worker's side of loading.ts: Node alone, with its own module loader.
import { parentPort } from 'node:worker_threads';
import { SvchostError } from '../../src/errors.ts';
import { loadProcessors, type ProcessorChoice } from '../../src/processor/loader.ts';
import type { MessageContext } from '../../src/processor/processor.ts';
import { readServiceDirectory } from '../../src/processor/directory.ts';
import type { Loading } from './loading.ts';

async function load(directory: string, choice: ProcessorChoice): Promise<Loading> {
  try {
    const { processors, warnings } = await loadProcessors(readServiceDirectory(directory), choice);
    const [first, ...others] = processors;
    if (!first) throw new Error('no processor, and no error');
    const { module, type, processor } = first;
    const answer = await processor.create().process('message', {} as MessageContext);
    return {
      module,
      type,
      answer,
      warnings,
      ...(others.length > 0 && { others: others.map((each) => each.type) }),
    };
  } catch (error) {
    if (!(error instanceof SvchostError)) throw error;
    return { error: error.message, code: error.code, exitCode: error.exitCode };
  }
}

parentPort?.on('message', ({ directory, choice }: { directory: string; choice: ProcessorChoice }) => {
  void load(directory, choice).then((loading) => parentPort?.postMessage(loading));
});
