// Runs launch configurations of VS Code as its debugger for Node does: the same command line, the same environment, and
// a debugger that the program waits for.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { Inspector } from './inspector.ts';

/** The parts of a launch configuration that decide about the process, or about the mapping of files. */
export interface LaunchConfiguration {
  readonly name: string;
  readonly type: string;
  readonly request: 'launch' | 'attach';
  readonly program?: string;
  readonly runtimeArgs?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly killBehavior?: 'polite';
  readonly address?: string;
  readonly port?: number;
  readonly localRoot?: string;
  readonly remoteRoot?: string;
}

interface LaunchFile {
  readonly configurations: readonly LaunchConfiguration[];
  readonly inputs?: readonly { readonly id: string; readonly default: string }[];
}

/**
 * The launch configurations of a folder by name, with their variables filled in: the folder, and the proposed answers
 * to their questions.
 */
export function readLaunch(folder: string): ReadonlyMap<string, LaunchConfiguration> {
  const file = readLaunchFile(folder);
  const fill = (text: string): string =>
    text
      .replaceAll('${workspaceFolder}', folder)
      .replace(/\$\{input:(\w+)\}/g, (_, id) => file.inputs?.find((input) => input.id === id)?.default ?? '');
  const filled = mapStrings(file.configurations, fill) as readonly LaunchConfiguration[];
  return new Map(filled.map((configuration) => [configuration.name, configuration]));
}

/** The file as it is. Plain JSON without comments, so that other programs can read it, too. */
export function readLaunchFile(folder: string): LaunchFile {
  return JSON.parse(readFileSync(path.join(folder, '.vscode/launch.json'), 'utf8')) as LaunchFile;
}

function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapStrings(item, change)]));
}

/** A program that runs under a debugger. */
export interface Debuggee {
  /** Waits until the program prints the address for its debugger, and connects one. */
  attach(): Promise<Inspector>;
  /** As the stop button: by default it kills. */
  stop(): void;
  /** Resolves with its exit code when it has ended and all its output has been read. */
  readonly exited: Promise<number | null>;
  /** Its output so far. */
  output(): string;
}

/**
 * Runs a `launch` configuration. The program waits for its debugger before its first line.
 *
 * @param surroundings the rest of its environment, besides PATH and HOME; the configuration's own wins
 */
export function launch(
  configuration: LaunchConfiguration,
  folder: string,
  surroundings: Readonly<Record<string, string>> = {},
): Debuggee {
  const { program, runtimeArgs = [], args = [] } = configuration;
  const programArgs = program === undefined ? [] : [`.${path.sep}${path.relative(folder, program)}`];
  const env = { ...surroundings, ...configuration.env, NODE_OPTIONS: '--inspect-wait=127.0.0.1:0' };
  const signal = configuration.killBehavior === 'polite' ? 'SIGTERM' : 'SIGKILL';
  return debug([...runtimeArgs, ...programArgs, ...args], { cwd: folder, env, signal });
}

/** Options of a debugged program. */
export interface DebugOptions {
  readonly cwd: string;
  /** Its whole environment, except PATH and HOME; NODE_OPTIONS opens the debugger. */
  readonly env: Readonly<Record<string, string>>;
  /** The signal that stops it; default: SIGTERM. */
  readonly signal?: NodeJS.Signals;
}

/** Runs Node with its debugger open. */
export function debug(args: readonly string[], { cwd, env, signal = 'SIGTERM' }: DebugOptions): Debuggee {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const seen = new EventTarget();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      seen.dispatchEvent(new Event('output'));
    });
  }
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const listening = new Promise<string>((resolve, reject) => {
    seen.addEventListener('output', () => {
      const [, url] = /Debugger listening on (ws:\S+)\s/.exec(output) ?? [];
      if (url !== undefined) resolve(url);
    });
    const fail = () => reject(new Error(`no debugger could connect to the program; it wrote:\n${output}`));
    exited.then(fail, fail);
  });
  listening.catch(() => undefined);
  return {
    attach: async () => {
      const inspector = await Inspector.connect(await listening);
      onTestFinished(() => inspector[Symbol.dispose]());
      return inspector;
    },
    stop: () => void child.kill(signal),
    exited,
    output: () => output,
  };
}
