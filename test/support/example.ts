// An example as installed by itself: a copy, with the links that npm makes. Also reads its README.
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

/** The folder of the examples. */
export const examples = path.join(root, 'examples');

/** The services among the examples, by their directory below examples/. */
export const services = [
  'service-example',
  'sqs-service-example',
  'cron-service-example',
  'cron-run-at-example',
  'monorepo-example/services/order-service',
] as const;

/** A service among the examples. */
export type Service = (typeof services)[number];

/** Files that running an example by hand leaves, and that must not be copied. */
const leftBehind = /^(node_modules|\.svchost|dev_packages|\.env|\.env\.secrets|\.env\.local)$/;

/**
 * Copies an example, and its whole system if it is one service of several, and links its dependencies as npm would. The
 * copy is removed after the test.
 *
 * @returns the directory of the service
 */
export function installExample(name: Service): string {
  // With links resolved: a debugger identifies files by that path.
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
    // Packages in the copy are linked there, this package in the checkout.
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
 * Makes the files that the README of a service asks for.
 *
 * @returns the `npx svchost` commands of the README, in order
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

/** The words of a command line; single quotes hold one together. */
function split(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
