// The public API, by name. Everything else may change at any time.
export { BaseServiceProcessor } from './processor/processor.ts';
export { defineProcessor } from './processor/definition.ts';
export type { DefinedProcessor, Dependent, ProcessorDefinition } from './processor/definition.ts';
export type {
  LastRun,
  MessageContext,
  MessageOf,
  MessageProcessor,
  ProcessorClass,
  RunOutcome,
  ScheduleContext,
  ScheduleProcessor,
  SchemaIssue,
  SchemaResult,
  StandardSchema,
} from './processor/processor.ts';
export {
  BrokerRefusedError,
  ConfigurationError,
  DeadLetterError,
  exitCode,
  MessageRefusedError,
  ProcessorError,
  SendError,
  SvchostError,
  UnroutableError,
  UnsupportedError,
  UnwritableError,
  UsageError,
} from './errors.ts';
export type { ErrorCode, ExitCode, Problem } from './errors.ts';
export type { Logger } from './log.ts';
export { version } from './version.ts';
