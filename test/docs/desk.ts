// Checks commands that a machine with only Node cannot run, or that must not run in a test, as far as possible without
// running them: the rules are here, one per kind of command.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { commandLines } from './command-line.ts';
import type { deskKinds } from './page.ts';
import { literal } from './pattern.ts';

type DeskKind = (typeof deskKinds)[number];

/** The programs of each kind. */
const programs: Readonly<Record<DeskKind, readonly string[]>> = {
  'sh repository': ['git', 'npm', 'npx'],
  'sh docker': ['docker', 'podman', 'npm'],
  'sh kubernetes': ['kubectl'],
  'sh publish': ['npm', 'docker', 'git'],
};

/** Options whose value is a file that must exist. */
const fileOptions = ['-f', '--file', '--env-file', '--filename'];

/**
 * Checks the commands of a block.
 *
 * @param roots where their files may be: the page's directory, then the repository
 * @throws Error a command names a program, file, script or build argument that does not exist
 */
export function checkAtDesk(kind: DeskKind, text: string, roots: readonly string[]): void {
  const lines = commandLines(text);
  const commands = lines.flatMap(({ command, kind: form }) => (form === 'cd' ? [] : [command]));
  const moves = lines.flatMap(({ command, kind: form }) => (form === 'cd' ? [command] : []));
  const moved = roots.map((root) => path.resolve(root, ...moves));
  if (commands.length === 0) throw new Error(`a block "${kind}" without a command`);
  for (const command of commands) {
    // A Dockerfile may come from standard input: `-f - . <<< 'FROM node'`.
    const [line = '', input] = command.split(/ *<<< */);
    const words = line.split(/ +/);
    if (!programs[kind].includes(words[0]!)) {
      throw new Error(`"${command}" is no command of "${kind}"; that is for ${programs[kind].join(', ')}`);
    }
    checkFiles(words, moved);
    if (kind === 'sh repository' || (kind === 'sh docker' && words[0] === 'npm')) {
      checkRepositoryCommand(words, roots.at(-1)!);
    }
    if (words[1] === 'compose') checkCompose(words, moved);
    if (words[1] === 'build') checkBuild(words, input, moved, roots.at(-1)!);
    if (kind === 'sh publish' && words[0] === 'npm') checkPackage(roots.at(-1)!);
  }
}

function checkFiles(words: readonly string[], roots: readonly string[]): void {
  for (const file of valuesOf(words, fileOptions)) {
    if (file !== '-' && find(file, roots) === undefined)
      throw new Error(`"${words.join(' ')}": there is no ${file}`);
  }
}

/** The npm script exists, or the installed program and the files passed to it. */
function checkRepositoryCommand(words: readonly string[], root: string): void {
  const [program, ...rest] = words;
  if (program === 'git' || (program === 'npm' && rest[0] === 'ci')) return;
  if (program === 'npm') {
    const script = rest[0] === 'run' ? rest[1]! : rest[0]!;
    const { scripts } = readManifest(root);
    if (!(script in scripts)) throw new Error(`"${words.join(' ')}": package.json has no script "${script}"`);
    return;
  }
  if (!existsSync(path.join(root, 'node_modules/.bin', rest[0]!)))
    throw new Error(`${rest[0]!} is not installed`);
  const files = rest.slice(1).filter((word) => /^[\w-]+\//.test(word));
  for (const file of files) if (!existsSync(path.join(root, file))) throw new Error(`there is no ${file}`);
}

/** The context and its Dockerfile exist, and the Dockerfile declares the build arguments. */
function checkBuild(
  words: readonly string[],
  input: string | undefined,
  roots: readonly string[],
  repository: string,
): void {
  const command = words.join(' ');
  const context = words
    .slice(2)
    .findLast((word, index, all) => !word.startsWith('-') && !takesValue(all[index - 1]));
  if (context === undefined || find(context, roots) === undefined) {
    throw new Error(`"${command}": there is no context ${context ?? ''}`);
  }
  const [named = path.join(context, 'Dockerfile')] = valuesOf(words, ['-f', '--file']);
  const dockerfile = withBase(input?.replaceAll(/^'|'$/g, '') ?? read(named, roots, command), repository);
  for (const argument of valuesOf(words, ['--build-arg'])) {
    const name = argument.split('=')[0]!;
    const isKnown = new RegExp(`^(ONBUILD )?ARG ${literal(name)}\\b`, 'm').test(dockerfile);
    if (!isKnown) throw new Error(`"${command}": ${named} has no ARG ${name}`);
  }
}

function read(name: string, roots: readonly string[], command: string): string {
  const file = find(name, roots);
  if (file === undefined) throw new Error(`"${command}": there is no ${name}`);
  return readFileSync(file, 'utf8');
}

/** A Dockerfile, followed by that of the base image if it is built on it: it takes the same arguments. */
function withBase(dockerfile: string, root: string): string {
  if (!/^FROM (.*\/)?rococo-service-base-onbuild\b/m.test(dockerfile)) return dockerfile;
  return `${dockerfile}\n${readFileSync(path.join(root, 'base-image/Dockerfile'), 'utf8')}`;
}

/** Compose has a file to read. */
function checkCompose(words: readonly string[], roots: readonly string[]): void {
  const files = ['compose', 'docker-compose'].flatMap((name) => [`${name}.yaml`, `${name}.yml`]);
  if (valuesOf(words, ['-f', '--file']).length > 0 || files.some((file) => find(file, roots) !== undefined))
    return;
  throw new Error(`"${words.join(' ')}": there is no ${files.join(', ')}`);
}

/** Everything that is to be published exists. */
function checkPackage(root: string): void {
  const missing = readManifest(root).files.filter((file) => !existsSync(path.join(root, file)));
  if (missing.length > 0) throw new Error(`package.json publishes ${missing.join(', ')}, which is not there`);
}

/** `--option value` and `--option=value`. */
function valuesOf(words: readonly string[], options: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    if (options.includes(word)) return [words[index + 1] ?? ''];
    const option = options.find((name) => name.startsWith('--') && word.startsWith(`${name}=`));
    return option === undefined ? [] : [word.slice(option.length + 1)];
  });
}

function takesValue(word: string | undefined): boolean {
  return (
    word !== undefined &&
    /^(-t|-f|--tag|--file|--build-arg|--target|--platform|--secret|--format)$/.test(word)
  );
}

function find(file: string, roots: readonly string[]): string | undefined {
  return roots.map((root) => path.resolve(root, file)).find((candidate) => existsSync(candidate));
}

function readManifest(root: string): { scripts: Record<string, string>; files: string[] } {
  return JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as ReturnType<typeof readManifest>;
}
