// The command line: builds the program from its commands, and ends the process with the exit code of the command.
import { Command, CommanderError } from 'commander';
import { declareCheck } from './commands/check.ts';
import { declareCommands, environmentHelp, type End } from './commands/command.ts';
import { declareDev } from './commands/dev.ts';
import { declareNew } from './commands/new.ts';
import { declareRun } from './commands/run.ts';
import { declareSend } from './commands/send.ts';
import { exitCode, exitMeaning, SvchostError, type ExitCode } from './errors.ts';
import { escapeTerminal } from './escape.ts';
import { endProcess } from './exit.ts';
import { flushOutput } from './output.ts';
import { explain } from './thrown.ts';
import { version } from './version.ts';

/**
 * Parses the arguments, runs the command, and ends the process with its exit code.
 *
 * @param argv as `process.argv`
 */
export async function main(argv: readonly string[]): Promise<never> {
  let code: ExitCode = exitCode.ok;
  try {
    await createProgram((ended) => (code = ended)).parseAsync(argv);
  } catch (error) {
    code = report(error);
  }
  await flushOutput();
  // User code may have left timers and sockets open; everything that had to be awaited has been.
  endProcess(code);
}

function createProgram(end: End): Command {
  const program = new Command('svchost')
    .description(
      'Hosts a service: finds the class with a process method in a directory, reads the environment, and calls ' +
        'it with each message of its queue, or on a schedule. Nothing lost, nothing stuck, nothing hidden.',
    )
    .version(version)
    .exitOverride()
    .addHelpText('after', `${environmentHelp}\n\n${exitCodeHelp()}`);
  declareCommands(program, [declareRun, declareSend, declareCheck, declareNew, declareDev], end);
  return program;
}

function exitCodeHelp(): string {
  const lines = Object.entries(exitMeaning).map(([code, meaning]) => `  ${code.padEnd(3)} ${meaning}`);
  return ['Exit codes:', ...lines].join('\n');
}

/** Prints the error, unless commander has done so already. Returns the exit code for it. */
function report(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  console.error(escapeTerminal(`svchost: ${explain(error)}`));
  return error instanceof SvchostError ? error.exitCode : exitCode.failed;
}
