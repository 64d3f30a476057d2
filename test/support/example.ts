// An example as somebody has it who has installed it by itself: a copy, with the links that npm makes. Follows its README.
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

/** Where the examples are. */
export const examples = path.join(root, 'examples');

/** The services among the examples, by their directory below examples/. */
export const services = [
  'service-example',
  'sqs-service-example',
  'cron-service-example',
  'cron-run-at-example',
  'monorepo-example/services/order-service',
] as const;

export type Service = (typeof services)[number];

/** What must not come along from where the example was run by hand. */
const leftBehind = /^(node_modules|\.svchost|dev_packages|\.env|\.env\.secrets|\.env\.local)$/;

/**
 * Copies an example, with all of its system where it is one service of several, and links its dependencies as npm would.
 * The copy is removed when the test has finished.
 *
 * @returns the directory of the service
 */
export function installExample(name: Service): string {
  // As the file system has it: a debugger tells files by that path.
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'svchost-example-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [system = ''] = name.split('/');
  cpSync(path.join(examples, system), path.join(folder, system), {
    recursive: true,
    filter: (source) => !leftBehind.test(path.basename(source)),
  });
  const service = path.join(folder, name);
  for (const [dependency, wanted] of Object.entries(dependenciesOf(service))) {
    const target = path.resolve(examples, name, wanted.replace(/^file:/, ''));
    // What is in the copy is linked there, this package in the checkout.
    const inCopy = target.startsWith(examples + path.sep);
    mkdirSync(path.join(service, 'node_modules'), { recursive: true });
    symlinkSync(
      inCopy ? path.join(folder, path.relative(examples, target)) : target,
      path.join(service, 'node_modules', dependency),
      'junction',
    );
  }
  return service;
}

function dependenciesOf(service: string): Record<string, string> {
  const manifest = JSON.parse(readFileSync(path.join(service, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  return manifest.dependencies;
}

/** One `npx svchost ...` of a README: its arguments, and the file that it reads. */
export interface ReadmeCommand {
  readonly args: readonly string[];
  readonly input: string | undefined;
}

/**
 * Does what the README of a service says about files, and tells what it says to run.
 *
 * @returns its `npx svchost` commands, in order
 */
export function followReadme(service: string): ReadmeCommand[] {
  const readme = readFileSync(path.join(service, 'README.md'), 'utf8');
  const lines = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n'));
  const commands: ReadmeCommand[] = [];
  for (const line of lines) {
    const [first, second, ...words] = split(line);
    if (first === 'cp' && second !== undefined && words.length === 1) {
      copyFileSync(path.join(service, second), path.join(service, words.join()));
    } else if (first === 'npx' && second === 'svchost') {
      const at = words.indexOf('<');
      const file = at < 0 ? undefined : words[at + 1];
      const input = file === undefined ? undefined : readFileSync(path.join(service, file), 'utf8');
      commands.push({ args: at < 0 ? words : words.slice(0, at), input });
    } else if (line !== '' && line !== 'npx fauxqs') {
      throw new Error(`the README of ${path.basename(service)} has a command that no test knows: ${line}`);
    }
  }
  return commands;
}

/** A command line's words; single quotes hold one together. */
function split(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
