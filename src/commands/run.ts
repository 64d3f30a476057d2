// `svchost run`, the default command: runs a service in this process until it ends.
import path from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { run } from '../host/host.ts';
import { suggest } from '../suggestion.ts';
import { directoryOption, type End } from './command.ts';

interface RunFlags {
  readonly dir: string;
  readonly once?: boolean;
}

/** Declares `run`; as the default command it also gets the name of any command that does not exist. */
export function declareRun(program: Command, end: End): void {
  program
    .command('run', { isDefault: true })
    .description(
      'run the service of a directory until SIGTERM, SIGINT or SIGHUP (this is the default command)',
    )
    .option(...directoryOption)
    .option(
      '--once',
      'with EXECUTION_TYPE=CRON: run the processor once, now; exit 0 on success, 1 on failure',
    )
    .allowExcessArguments()
    .action(async ({ dir, once }: RunFlags, { args: [unknown] }: Command) => {
      if (unknown !== undefined) throw new UsageError(describeUnknown(unknown, program));
      end(await run(path.resolve(dir), once ? 'once' : 'service'));
    })
    .addHelpText('after', help);
}

function describeUnknown(name: string, program: Command): string {
  const commands = program.commands.map((command) => command.name());
  const meant = suggest(name, commands);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return `unknown command "${name}"${hint} (there are ${commands.join(', ')}: see svchost --help)`;
}

const help = `
Examples:
  $ svchost                        the service of this directory
  $ svchost run --dir services/mail
  $ CONCURRENCY=10 svchost         ten messages at once
  $ svchost run --once             one run now of a service on a schedule

The first SIGTERM, SIGINT or SIGHUP drains: no new message starts, messages in flight may finish within
SHUTDOWN_TIMEOUT, and the rest is requeued. A second signal, or SIGQUIT, ends the process at once.`;
