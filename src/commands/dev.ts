// `svchost dev`: a service while its code is written. Ties the terminal and the files to a session; owns neither rule.
import { existsSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../clock.ts';
import { toError, UsageError, type ExitCode } from '../errors.ts';
import { createLog, type Logger } from '../log.ts';
import { listDeadLetters, readDevSettings, sendTyped } from './dev/actions.ts';
import { scopeOf } from './dev/scope.ts';
import { Session } from './dev/session.ts';
import { help, readTyped, type Typed } from './dev/input.ts';
import { Watcher } from './dev/watcher.ts';
import { readLines } from '../messaging/ndjson.ts';
import { answerSignals } from '../host/signal.ts';

export interface DevCommand {
  /** Absolute. */
  readonly directory: string;
  /** Files and folders beside the code whose changes count as well; absolute. */
  readonly data: readonly string[];
}

/**
 * Runs the service of a directory, anew after each change, until it is told to quit.
 *
 * @returns the exit code; the process must end with it, since its standard input is still being read
 * @throws UsageError a directory or file that is not there
 */
export async function dev(command: DevCommand): Promise<ExitCode> {
  const { directory, data } = resolvePaths(command);
  const { settings } = readDevSettings(directory);
  // Its own lines are few, and what the developer is here for: at any LOG_LEVEL.
  const log = (await createLog({ ...settings.log, level: 'info' })).child({ name: 'dev' });

  const loaded = new Set<string>();
  const scope = () => scopeOf(directory, loaded, data, queueFileOf(directory));
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
  void listen(directory, session, log);
  log.info(`watching ${directory}; type h for what can be typed`);
  try {
    return await session.run();
  } finally {
    watcher.close();
  }
}

/** @throws UsageError see `dev` */
function resolvePaths({ directory, data }: DevCommand): DevCommand {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${directory} is no directory: name that of a service with --dir`);
  }
  const missing = data.find((name) => !existsSync(name));
  if (missing !== undefined) throw new UsageError(`--watch ${missing}: there is no such file or folder`);
  return { directory: realpathSync(directory), data: data.map((name) => realpathSync(name)) };
}

/** The file of the embedded queue as the settings are now; elsewhere a name that no file can have. */
function queueFileOf(directory: string): string {
  const { messaging } = readDevSettings(directory).settings;
  return messaging.type === 'SqliteConnection' ? messaging.path : '\0';
}

function describeChange([first = '', ...others]: readonly string[], directory: string): string {
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return `changed: ${path.relative(directory, first)}${more}; loading the code`;
}

/** The first signal drains and quits, a second one ends at once. SIGHUP: the terminal is closed. */
function superviseSignals(session: Session, log: Logger): void {
  answerSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], {
    onFirst: (signal) => {
      log.info(`${signal}: quitting; a second one ends at once`);
      session.quit();
    },
    onSecond: (signal) => {
      log.warn(`second ${signal}: ending at once`);
      session.kill();
    },
  });
}

/** Does what is typed, line by line, until the input ends; that alone does not end dev. */
async function listen(directory: string, session: Session, log: Logger): Promise<void> {
  // One after the other, in the order in which they were typed; `r` and `q` wait for no broker.
  let work = Promise.resolve();
  try {
    for await (const line of readLines(process.stdin)) {
      const typed = readTyped(line);
      switch (typed.kind) {
        case 'send':
        case 'dead-letters':
          work = work.then(() => answer(typed, directory, session, log));
          break;
        case 'restart':
          log.info('restarting: loading the code');
          session.renew();
          break;
        case 'quit':
          // What was typed before has been asked for.
          void work.then(() => session.quit());
          break;
        case 'help':
          console.log(help);
          break;
        case 'wrong':
          log.warn(typed.reason);
          break;
        case 'nothing':
      }
    }
    if (process.stdin.isTTY) log.info('end of input: nothing more can be typed; Ctrl-C quits');
  } catch (error) {
    // The terminal has gone away; SIGHUP tells so, too.
    log.warn(`standard input cannot be read any more: ${toError(error).message}`);
  }
}

async function answer(typed: Typed, directory: string, session: Session, log: Logger): Promise<void> {
  try {
    const queues = await session.queues();
    if (!queues)
      throw new UsageError('no queue: the service runs on a schedule, or its code has not loaded yet');
    if (typed.kind === 'send') {
      await sendTyped(directory, queues, typed.body);
      log.info(`sent to ${queues.queueName}`);
    } else {
      console.log(await listDeadLetters(directory, queues));
    }
  } catch (error) {
    log.error(toError(error).message);
  }
}
