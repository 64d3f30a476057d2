// Shared by all commands: the form of their declaration, the directory they work on, and their warnings.
import type { Command } from 'commander';
import { variables } from '../config/variables.ts';
import type { ExitCode } from '../errors.ts';
import { escapeControls } from '../escape.ts';
import { failOnForeignExit } from '../exit.ts';
import { failOnStandstill } from '../host/standstill.ts';

/** Declares a command on the program: its options, its help and its action. */
export type Declare = (program: Command, end: End) => void;

/** Called by an action with the exit code; without a call it is 0. An error that is thrown has its own. */
export type End = (code: ExitCode) => void;

/**
 * Declares commands, in the order in which the help lists them. Each fails if it comes to a standstill, or if user code
 * ends the process.
 */
export function declareCommands(program: Command, declarations: readonly Declare[], end: End): void {
  program.hook('preAction', failOnStandstill).hook('preAction', failOnForeignExit);
  for (const declare of declarations) declare(program, end);
}

/** For `Command.option`. */
export const directoryOption = ['--dir <directory>', 'the service directory', '.'] as const;

/** Writes a warning to standard error: standard output belongs to the result. */
export function warn(message: string): void {
  console.error(`warning: ${escapeControls(message)}`);
}

/** The environment, which all commands read, as the help of the program describes it. */
export const environmentHelp = `
Environment (also read from .env.local, .env.secrets and .env of the service directory; variables already set win):
  <Class>_QUEUE_NAME   the queue to consume, named after the processor class
  QUEUE_NAME_PREFIX    ${variables.QUEUE_NAME_PREFIX.description}
  MESSAGING_TYPE       ${variables.MESSAGING_TYPE.description.replaceAll('`', '')}
                       (default: ${variables.MESSAGING_TYPE.defaultText})
  RABBITMQ_HOST, RABBITMQ_USER, RABBITMQ_PASSWORD, AWS_REGION, ...   see the README for all of them
  EXECUTION_TYPE=CRON  a schedule instead of a queue: CRON_TIME_AMOUNT and CRON_TIME_UNIT, or CRON_EXPRESSIONS`;
