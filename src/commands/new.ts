// `svchost new`: a complete service in a directory of its own, ready to be run.
import path from 'node:path';
import { UsageError } from '../errors.ts';
import { renderFiles, type ServiceKind, type ServiceLanguage } from './new/blueprint.ts';
import { refuseTaken, writeFresh } from './new/fresh-directory.ts';
import { interview, type Terminal } from './new/interview.ts';
import { parseServiceName, type ServiceName } from './new/service-name.ts';

export interface NewCommand {
  /** As typed: its last part names the service. Asked for where undefined. */
  readonly directory: string | undefined;
  /** Undefined where nothing was said about it: asked for together with the directory, otherwise a queue. */
  readonly kind: ServiceKind | undefined;
  readonly language: ServiceLanguage;
  /** What paths are relative to; absolute. */
  readonly workingDirectory: string;
  /** Undefined where nobody can be asked. */
  readonly terminal: Terminal | undefined;
}

/** What was made. */
export interface NewService extends ServiceName {
  /** From the working directory. */
  readonly directory: string;
  readonly kind: ServiceKind;
  /** How many files were written. */
  readonly count: number;
}

/** What brings a first message through, or a first run, once the service is installed. */
const firstSteps: Readonly<Record<ServiceKind, readonly string[]>> = {
  queue: [`npx svchost send '{"id": 1}'`, 'npx svchost'],
  sqs: [
    'npx fauxqs    # a local server that speaks SQS; the rest in a second terminal',
    `npx svchost send '{"id": 1}'`,
    'npx svchost',
  ],
  cron: ['npx svchost run --once', 'npx svchost'],
};

/** The answers to what drives the service; the first is also that of an empty line. */
const kinds: readonly ServiceKind[] = ['queue', 'sqs', 'cron'];

/**
 * Writes a new service.
 *
 * @throws UsageError no name or a wrong one, or a directory that is taken; nothing was written
 * @throws SvchostError it cannot be written; nothing of it is left
 */
export async function createService(command: NewCommand): Promise<NewService> {
  const { directory, kind } = await complete(command);
  const name = nameOf(directory, command.workingDirectory);
  const files = renderFiles({ ...name, kind, language: command.language });
  const target = path.resolve(command.workingDirectory, directory);
  writeFresh(target, files);
  return { ...name, directory: path.relative(command.workingDirectory, target), kind, count: files.size };
}

/** What was made and what to do next, for people. */
export function describeService({ name, directory, kind, count }: NewService): string {
  const install = directory === '' ? 'npm install' : `cd ${quote(directory)} && npm install`;
  const steps = [install, ...firstSteps[kind]].map((step) => `  ${step}`);
  return [`${name} is there, with ${count} files. Next:`, '', ...steps].join('\n');
}

/**
 * The kind that the options name.
 *
 * @throws UsageError they name two
 */
export function chooseKind({ cron, sqs }: { cron?: boolean; sqs?: boolean }): ServiceKind | undefined {
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

/** The names of the service that the last part of a path gives. */
function nameOf(directory: string, workingDirectory: string): ServiceName {
  if (directory.trim() === '') throw new UsageError('the name is empty: give one, such as orders');
  // It looks like a path, and means none.
  if (/^@[^/]*\/[^/]+$/.test(directory)) {
    throw new UsageError(
      `${JSON.stringify(directory)} is a package's name with a scope, and this takes a directory: ` +
        `give ${JSON.stringify(path.basename(directory))}, and put the scope into its package.json`,
    );
  }
  return parseServiceName(path.basename(path.resolve(workingDirectory, directory)));
}

/** A path as a shell reads it. */
function quote(text: string): string {
  return /^[\w@%+=:,./][\w@%+=:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
