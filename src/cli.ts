// The command line: parse, call, map an error to an exit code. Nothing else.
import path from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { check, describeReport } from './commands/check.ts';
import { dev } from './commands/dev.ts';
import { chooseKind, createService, describeService } from './commands/new.ts';
import { run } from './commands/run.ts';
import { send } from './commands/send.ts';
import { failOnStandstill } from './host/standstill.ts';
import { suggest } from './suggestion.ts';
import { durationMs } from './config/value.ts';
import { exitCode, SvchostError, toError, UsageError, type ExitCode } from './errors.ts';
import { version } from './version.ts';

/** Parses the arguments, runs the command, and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<never> {
  let code: ExitCode = exitCode.ok;
  failOnStandstill();
  const program = createProgram((ended) => (code = ended));
  try {
    await program.parseAsync(argv);
  } catch (error) {
    code = report(error);
  }
  // User code may have left timers and sockets behind; what had to be waited for has been.
  process.exit(code);
}

function createProgram(end: (code: ExitCode) => void): Command {
  const program = new Command('svchost')
    .description(
      'Hosts a service: finds the class with a process method in a directory, reads the environment, ' +
        'and drives it by the messages of its queue, or on a schedule. Nothing lost, nothing stuck, nothing hidden.',
    )
    .version(version)
    .exitOverride()
    .addHelpText('after', environmentHelp);

  const directory = ['--dir <directory>', 'the service directory', '.'] as const;

  program
    .command('run', { isDefault: true })
    .description('run the service of a directory until SIGTERM or SIGINT (this is the default command)')
    .option(...directory)
    .option(
      '--once',
      'with EXECUTION_TYPE=CRON: run the processor one time now, and end with 0 or, where it failed, 1',
    )
    .allowExcessArguments()
    .action(async ({ dir, once }: { dir: string; once?: boolean }, { args: [unknown] }: Command) => {
      // As the default command, it is also given the name of a command that does not exist.
      if (unknown !== undefined) throw new UsageError(describeUnknown(unknown, program));
      end(await run(path.resolve(dir), once ? 'once' : 'service'));
    })
    .addHelpText('after', runHelp);

  program
    .command('send')
    .description('send messages to the queue of the service, or to another one')
    .argument(
      '[message]',
      'the message as JSON; without it, one message per line is read from standard input (NDJSON)',
    )
    .option(...directory)
    .option('--file <file>', 'read one message from a file')
    .option(
      '--queue <name>',
      "the queue's full name (default: the service's own, which is made where missing)",
    )
    .option('--delay <seconds>', 'deliver no earlier than this, where the broker can', parseSeconds)
    .action(async (message: string | undefined, options: SendFlags) => {
      const { count, queueName, failure } = await send({
        directory: path.resolve(options.dir),
        message,
        file: options.file,
        queueName: options.queue,
        delayMs: options.delay,
        input: process.stdin,
        onWarning: warn,
      });
      if (count > 0 || !failure) {
        console.log(`sent ${count} ${count === 1 ? 'message' : 'messages'} to ${queueName}`);
      }
      if (failure) throw failure;
    })
    .addHelpText('after', sendHelp);

  program
    .command('check')
    .description('show what run would use, and every problem, without running it')
    .option(...directory)
    .option('--json', 'for programs')
    .option('--connect', 'also reach the broker')
    .action(async ({ dir, json, connect }: { dir: string; json?: boolean; connect?: boolean }) => {
      const { report, words, code } = await check(path.resolve(dir), connect ?? false);
      const { warnings, ...facts } = report;
      if (json) warnings.forEach(warn);
      console.log(json ? JSON.stringify(facts, undefined, 2) : describeReport(report, words));
      end(code);
    })
    .addHelpText('after', checkHelp);

  program
    .command('new')
    .description('write a new service: a processor with its test, and all that runs, configures and ships it')
    .argument('[directory]', 'the directory to make; its last part names the service')
    .option('--cron', 'on a schedule instead of a queue')
    .option('--sqs', 'with its queue on Amazon SQS')
    .option('--js', 'in JavaScript, with types in its comments, instead of TypeScript')
    .action(async (directory: string | undefined, { js, ...flags }: NewFlags) => {
      const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
      const service = await createService({
        directory,
        kind: chooseKind(flags),
        language: js ? 'js' : 'ts',
        workingDirectory: process.cwd(),
        terminal: isTerminal ? { input: process.stdin, output: process.stdout } : undefined,
      });
      console.log(describeService(service));
    })
    .addHelpText('after', newHelp);

  program
    .command('dev')
    .description(
      'run the service while its code is written: a change restarts it, and typed lines send messages',
    )
    .option(...directory)
    .option('--watch <path...>', 'a file or folder that restarts it as well, such as templates')
    .action(async ({ dir, watch = [] }: { dir: string; watch?: string[] }) => {
      end(await dev({ directory: path.resolve(dir), data: watch.map((name) => path.resolve(name)) }));
    })
    .addHelpText('after', devHelp);

  return program;
}

interface SendFlags {
  readonly dir: string;
  readonly file?: string;
  readonly queue?: string;
  /** Milliseconds. */
  readonly delay?: number;
}

interface NewFlags {
  readonly cron?: boolean;
  readonly sqs?: boolean;
  readonly js?: boolean;
}

/** Milliseconds; written as durations are in the environment. */
function parseSeconds(value: string): number {
  try {
    return durationMs('zero')(value);
  } catch (error) {
    throw new InvalidArgumentError(`Expected ${toError(error).message}.`);
  }
}

function describeUnknown(name: string, program: Command): string {
  const commands = program.commands.map((command) => command.name());
  const meant = suggest(name, commands);
  return (
    `unknown command "${name}"${meant === undefined ? '' : `; did you mean ${meant}?`} ` +
    `(there are ${commands.join(', ')}: see svchost --help)`
  );
}

/** To standard error: standard output is the result's. */
function warn(message: string): void {
  console.error(`warning: ${message}`);
}

/** Says what went wrong, and with which exit code that ends. commander has printed its own errors already. */
function report(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  console.error(`svchost: ${toError(error).message}`);
  return error instanceof SvchostError ? error.exitCode : exitCode.failed;
}

const environmentHelp = `
Environment (also read from .env.local, .env.secrets and .env of the service directory; what is set already wins):
  <Class>_QUEUE_NAME   the queue to consume, named after the processor class
  QUEUE_NAME_PREFIX    put before it
  MESSAGING_TYPE       RabbitMqConnection, SqsConnection, or SqliteConnection (the embedded queue, the default
                       outside production)
  RABBITMQ_HOST, RABBITMQ_USER, RABBITMQ_PASSWORD, AWS_REGION, ...   see the README for all of them
  EXECUTION_TYPE=CRON  a schedule instead of a queue: CRON_TIME_AMOUNT and CRON_TIME_UNIT, or CRON_EXPRESSIONS

Exit codes:
  0 drained or finished   1 the service failed   64 wrong usage   69 the broker refused us
  70 no processor   75 the drain ran out of time   78 configuration`;

const runHelp = `
Examples:
  $ svchost                        the service of this directory
  $ svchost run --dir services/mail
  $ CONCURRENCY=10 svchost         ten messages at once
  $ svchost run --once             one run now of a service on a schedule

The first SIGTERM or SIGINT drains: no new message starts, what is in work may finish within SHUTDOWN_TIMEOUT,
the rest is handed back to the broker. A second signal ends at once.`;

const sendHelp = `
Examples:
  $ svchost send '{"id": 1}'
  $ svchost send --file order.json --queue orders
  $ svchost send < messages.ndjson
  $ svchost send '{"id": 1}' --delay 30`;

const checkHelp = `
Examples:
  $ svchost check                  exit code as run would give: 0, 70 or 78
  $ svchost check --connect        69 where the broker refuses us
  $ svchost check --json | jq .messaging.queueName`;

const newHelp = `
Examples:
  $ svchost new                    asks for the name, on a terminal
  $ svchost new orders             the class OrdersServiceProcessor, on the queue orders
  $ svchost new services/mail --sqs
  $ svchost new nightly-report --cron --js

The directory must be new or empty; nothing is written over.`;

const devHelp = `
Examples:
  $ svchost dev
  $ svchost dev --dir services/mail --watch services/mail/templates

Code that does not load leaves the running code in place. A restart drains first, so no message is lost.
Unless set: MESSAGING_TYPE is the embedded queue, NODE_ENV development, LOG_FORMAT pretty.

Typed lines:
  s {"id": 1}   send a message to the queue of the service
  d             list the newest dead letters (embedded queue)
  r             restart        q   drain and quit        h   this list`;
