// `svchost new`: writes a complete service, ready to run, into its own directory.
import path from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { renderFiles, type ServiceKind, type ServiceLanguage } from './new/blueprint.ts';
import { refuseTaken, writeFresh } from './new/fresh-directory.ts';
import { interview, type Terminal } from './new/interview.ts';
import { parseServiceName, type ServiceName } from './new/service-name.ts';

interface NewFlags {
  readonly cron?: boolean;
  readonly sqs?: boolean;
  readonly js?: boolean;
}

/** Declares `new`. */
export function declareNew(program: Command): void {
  program
    .command('new')
    .description('write a new service: a processor with its test, and all that runs, configures and ships it')
    .argument('[directory]', 'the directory to create; its last part names the service')
    .option('--cron', 'driven by a schedule instead of a queue')
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
    .addHelpText('after', help);
}

const help = `
Examples:
  $ svchost new                    asks for the name, on a terminal
  $ svchost new orders             the class OrdersServiceProcessor, on the queue orders
  $ svchost new services/mail --sqs
  $ svchost new nightly-report --cron --js

The directory must be new or empty; no file is overwritten.`;

/** The service to create. */
export interface NewCommand {
  /** As typed: its last part names the service. If undefined, the terminal is asked for it. */
  readonly directory: string | undefined;
  /** If undefined, the terminal is asked for it, unless the directory is given: then it is a queue. */
  readonly kind: ServiceKind | undefined;
  readonly language: ServiceLanguage;
  /** The base of relative paths; absolute. */
  readonly workingDirectory: string;
  /** Undefined if there is nobody to ask. */
  readonly terminal: Terminal | undefined;
}

/** A service that was created. */
export interface NewService extends ServiceName {
  /** From the working directory. */
  readonly directory: string;
  readonly kind: ServiceKind;
  /** How many files were written. */
  readonly count: number;
}

/** The commands that process a first message, or make a first run, once the service is installed. */
const firstSteps: Readonly<Record<ServiceKind, readonly string[]>> = {
  queue: [`npx svchost send '{"id": 1}'`, 'npx svchost'],
  sqs: [
    'npx fauxqs    # a local server that speaks SQS; the rest in a second terminal',
    `npx svchost send '{"id": 1}'`,
    'npx svchost',
  ],
  cron: ['npx svchost run --once', 'npx svchost'],
};

/** The kinds in the order of the question; an empty answer means the first. */
const kinds: readonly ServiceKind[] = ['queue', 'sqs', 'cron'];

/**
 * Writes a new service.
 *
 * @throws UsageError no name or a wrong one, or a directory that is not empty; nothing was written
 * @throws SvchostError a file could not be written; none is left
 */
export async function createService(command: NewCommand): Promise<NewService> {
  const { directory, kind } = await complete(command);
  const name = nameOf(directory, command.workingDirectory);
  const files = renderFiles({ ...name, kind, language: command.language });
  const target = path.resolve(command.workingDirectory, directory);
  writeFresh(target, files);
  return { ...name, directory: path.relative(command.workingDirectory, target), kind, count: files.size };
}

/** The new service and the next steps, for people. */
export function describeService({ name, directory, kind, count }: NewService): string {
  const install = directory === '' ? 'npm install' : `cd ${quote(directory)} && npm install`;
  const steps = [install, ...firstSteps[kind]].map((step) => `  ${step}`);
  return [`created ${name}, with ${count} files. Next:`, '', ...steps].join('\n');
}

/**
 * The kind that the options name; undefined if they name none.
 *
 * @throws UsageError they name two
 */
function chooseKind({ cron, sqs }: { cron?: boolean; sqs?: boolean }): ServiceKind | undefined {
  if (cron && sqs) throw new UsageError('give --cron or --sqs, not both: a schedule has no queue');
  return cron ? 'cron' : sqs ? 'sqs' : undefined;
}

async function complete(command: NewCommand): Promise<{ directory: string; kind: ServiceKind }> {
  const { directory, kind, workingDirectory, terminal } = command;
  if (directory !== undefined) return { directory, kind: kind ?? 'queue' };
  if (!terminal) throw new UsageError('no name: give one, such as svchost new orders');
  return await interview(terminal, async (ask) => ({
    directory: await ask('Name of the service, or its directory: ', (answer) => {
      nameOf(answer, workingDirectory);
      refuseTaken(path.resolve(workingDirectory, answer));
      return answer;
    }),
    kind:
      kind ??
      (await ask('Driven by a queue (1), a queue on Amazon SQS (2) or a schedule (3)? [1] ', readKind)),
  }));
}

function readKind(answer: string): ServiceKind {
  const kind = answer === '' ? kinds[0] : kinds[Number(answer) - 1];
  if (kind === undefined) throw new UsageError('answer with 1, 2 or 3');
  return kind;
}

/** The names of a service, after the last part of its path. */
function nameOf(directory: string, workingDirectory: string): ServiceName {
  if (directory.trim() === '') throw new UsageError('the name is empty: give one, such as orders');
  // It looks like a path, but is not meant as one.
  if (/^@[^/]*\/[^/]+$/.test(directory)) {
    throw new UsageError(
      `${JSON.stringify(directory)} is a package's name with a scope, but a directory is needed: ` +
        `give ${JSON.stringify(path.basename(directory))}, then add the scope in its package.json`,
    );
  }
  return parseServiceName(path.basename(path.resolve(workingDirectory, directory)));
}

/** A path, quoted for a shell if need be. */
function quote(text: string): string {
  return /^[\w@%+=:,./][\w@%+=:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
