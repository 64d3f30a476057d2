// The forms in which a test may give a processor. Part of the testing kit.
import { isDefined, type DefinedProcessor } from '../processor/definition.ts';
import type {
  HostedProcessor,
  HostedProcessorClass,
  MessageProcessor,
  ProcessorClass,
} from '../processor/processor.ts';

/** A processor of messages: a class, what `defineProcessor` returns, or an object with a `process` method. */
export type TestedProcessor<Message = unknown> =
  ProcessorClass<Message> | DefinedProcessor<Message> | MessageProcessor<Message>;

/** The instance to run: of a class, of what `defineProcessor` returns, or the object itself. */
export function instantiate(processor: object): HostedProcessor {
  if (isDefined(processor)) return processor.create();
  return (
    typeof processor === 'function' ? new (processor as HostedProcessorClass)() : processor
  ) as HostedProcessor;
}
