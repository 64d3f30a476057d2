// `svchost dev`: runs a service while its code is written. Connects the terminal and the files to a session.
import { existsSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { toError, UsageError, type ExitCode } from '../errors.ts';
import { answerSignals } from '../host/signal.ts';
import { createLog, type Logger } from '../log.ts';
import type { BrokerSettings } from '../config/broker/broker.ts';
import { readLines } from '../messaging/ndjson.ts';
import { directoryOption, type End } from './command.ts';
import { listDeadLetters, readDevSettings, sendTyped } from './dev/actions.ts';
import { readTyped, typedHelp, type Typed } from './dev/input.ts';
import type { ProcessorQueues } from './dev/protocol.ts';
import { scopeOf } from './dev/scope.ts';
import { Session } from './dev/session.ts';
import { Watcher } from './dev/watcher.ts';

interface DevFlags {
  readonly dir: string;
  readonly watch?: readonly string[];
}

/** Declares `dev`. */
export function declareDev(program: Command, end: End): void {
  program
    .command('dev')
    .description(
      'run the service while its code is written: a change restarts it, and typed lines send messages',
    )
    .option(...directoryOption)
    .option('--watch <path...>', 'a file or folder that also restarts it, such as templates')
    .action(async ({ dir, watch = [] }: DevFlags) => {
      end(await dev({ directory: path.resolve(dir), data: watch.map((name) => path.resolve(name)) }));
    })
    .addHelpText('after', help);
}

const help = `
Examples:
  $ svchost dev
  $ svchost dev --dir services/mail --watch services/mail/templates

If changed code does not load, the running code stays in place. A restart drains first, so no message is lost.
Unless set, MESSAGING_TYPE is the embedded queue, NODE_ENV development, and LOG_FORMAT pretty.

Typed lines:
${typedHelp}`;

/** The service to run, and the data to watch. */
export interface DevCommand {
  /** Absolute. */
  readonly directory: string;
  /** Files and folders beside the code whose changes count as well; absolute. */
  readonly data: readonly string[];
}

/**
 * Runs the service of a directory, and again after each change, until it is asked to quit.
 *
 * @returns the exit code; the process must end with it, since its standard input is still being read
 * @throws UsageError a directory or file does not exist
 */
export async function dev(command: DevCommand): Promise<ExitCode> {
  const { directory, data } = resolvePaths(command);
  const { settings } = readDevSettings(directory);
  // Its own lines are few and meant for the developer: they are written at any LOG_LEVEL.
  const log = (await createLog({ ...settings.log, level: 'info' })).child({ name: 'dev' });

  const loaded = new Set<string>();
  const scope = () => scopeOf({ directory, loaded, data, queueFile: queueFileOf(directory) });
  const session = new Session({
    directory,
    log,
    onFiles: (files) => {
      for (const file of files) loaded.add(file);
      watcher.watch(scope());
    },
  });
  const watcher = new Watcher({
    clock: systemClock,
    onChange: (files) => {
      log.info(describeChange(files, directory));
      session.renew();
    },
    onTrouble: (reason) => log.warn(`${reason}; type r after a change`),
  });
  watcher.watch(scope());
  superviseSignals(session, log);
  void listen({ directory, session, log });
  log.info(`watching ${directory}; type h for help`);
  try {
    return await session.run();
  } finally {
    watcher.close();
  }
}

/** With links resolved. @throws UsageError see `dev` */
function resolvePaths({ directory, data }: DevCommand): DevCommand {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${directory} is not a directory: name the directory of a service with --dir`);
  }
  const missing = data.find((name) => !existsSync(name));
  if (missing !== undefined) throw new UsageError(`--watch ${missing}: there is no such file or folder`);
  return { directory: realpathSync(directory), data: data.map((name) => realpathSync(name)) };
}

/** The file that holds the queues according to the settings as they are now; undefined if the broker is not a file. */
function queueFileOf(directory: string): string | undefined {
  const { path: file }: BrokerSettings = readDevSettings(directory).settings.messaging;
  return file;
}

function describeChange([first = '', ...others]: readonly string[], directory: string): string {
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return `changed: ${path.relative(directory, first)}${more}; loading the code`;
}

/** The first signal drains and quits, a second one ends at once. SIGHUP means that the terminal was closed. */
function superviseSignals(session: Session, log: Logger): void {
  answerSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], {
    onFirst: (signal) => {
      log.info(`${signal}: quitting; a second one ends at once`);
      session.quit();
    },
    onLast: (signal) => {
      log.warn(`second ${signal}: ending at once`);
      session.kill();
    },
  });
}

/** The things that typed lines act on. */
interface Stage {
  readonly directory: string;
  readonly session: Session;
  readonly log: Logger;
}

/** Acts on typed lines until the input ends, which alone does not end dev. */
async function listen(stage: Stage): Promise<void> {
  const { session, log } = stage;
  // One after the other, in the order in which they were typed; `r` and `q` do not wait for a broker.
  let work = Promise.resolve();
  try {
    for await (const line of readLines(process.stdin)) {
      const typed = readTyped(line);
      switch (typed.kind) {
        case 'send':
        case 'dead-letters':
          work = work.then(() => answer(typed, stage));
          break;
        case 'restart':
          log.info('restarting: loading the code');
          session.renew();
          break;
        case 'quit':
          // After the lines that were typed before it.
          void work.then(() => session.quit());
          break;
        case 'help':
          console.log(typedHelp);
          break;
        case 'wrong':
          log.warn(typed.reason);
          break;
        case 'nothing':
      }
    }
    if (process.stdin.isTTY) log.info('end of input: no more lines can be typed; Ctrl-C quits');
  } catch (error) {
    // The terminal was closed, which SIGHUP reports, too.
    log.warn(`standard input cannot be read any more: ${toError(error).message}`);
  }
}

async function answer(typed: Typed, { directory, session, log }: Stage): Promise<void> {
  try {
    const queues = await session.queues();
    if (queues.length === 0) {
      throw new UsageError('no queue: the service runs on a schedule, or its code has not loaded yet');
    }
    if (typed.kind === 'send') {
      const target = chooseQueue(queues, typed.to);
      await sendTyped(directory, target, typed.body);
      log.info(`sent to ${target.queueName}`);
    } else {
      for (const each of queues) console.log(await listDeadLetters(directory, each));
    }
  } catch (error) {
    log.error(toError(error).message);
  }
}

function chooseQueue(queues: readonly ProcessorQueues[], name: string | undefined): ProcessorQueues {
  const [only, ...others] = queues;
  const found = name === undefined && others.length === 0 ? only : queues.find(({ type }) => type === name);
  if (found) return found;
  const names = queues.map(({ type }) => type).join(', ');
  throw new UsageError(
    name === undefined
      ? `several processors: type s, the name of one, and the message (${names})`
      : `no processor "${name}"; there is ${names}`,
  );
}
