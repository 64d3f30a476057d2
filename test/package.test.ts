// The package as it is published: its files, how its types resolve, and how much an installation takes.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

let folder: string;
let packed: Packed;
let tarball: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'svchost-pack-'));
  // Without its scripts, which would rebuild files that other tests are running.
  const options = ['--json', '--ignore-scripts', '--pack-destination', folder];
  [packed] = JSON.parse(execFileSync('npm', ['pack', ...options], { cwd: root, encoding: 'utf8' })) as [
    Packed,
  ];
  tarball = readFileSync(path.join(folder, packed.filename));
});

afterAll(async () => await rm(folder, { recursive: true, force: true }));

describe('the package', () => {
  it('contains the code that runs and the docs that are read, and nothing else', () => {
    const others = packed.files.map((file) => file.path).filter((file) => !file.startsWith('dist/'));
    expect(others.sort()).toEqual([
      '.env.example',
      '.env.secrets.example',
      'BREAKING.md',
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'package.json',
    ]);
  });

  it('has an executable bin', () => {
    const bin = packed.files.find((file) => file.path === 'dist/bin.js');
    expect(bin?.mode.toString(8)).toBe('755');
  });

  it('passes publint', async () => {
    const { buffer, byteOffset, byteLength } = tarball;
    const content = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
    const { messages, pkg } = await publint({ pkgDir: 'package', pack: { tarball: content }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it('has types that resolve under node16 and bundler', async () => {
    const result = await checkPackage(createPackageFromTarballData(tarball));
    if (!result.types) throw new Error('the package has no types');
    expect(Object.keys(result.entrypoints).sort()).toEqual([
      '.',
      './bin',
      './package.json',
      './register',
      './testing',
    ]);
    // Node loads an ES module by require() as well, since 22.12.
    const expected = new Set(['CJSResolvesToESM']);
    const problems = result.problems.filter(
      (problem) =>
        !expected.has(problem.kind) && !('resolutionKind' in problem && problem.resolutionKind === 'node10'),
    );
    expect(problems).toEqual([]);
  });
});

it.each([
  ['less than 25 MB, with the AWS SDK', [], true, 25_000_000],
  ['less than 10 MB, without optional dependencies', ['--omit=optional'], false, 10_000_000],
])('an installation takes %s', (_what, flags, hasSdk, limit) => {
  const list = ['ls', '--omit=dev', ...flags, '--all', '--parseable', '--workspaces=false'];
  const folders = execFileSync('npm', list, { cwd: root, encoding: 'utf8' }).trim().split('\n').slice(1);
  expect(folders.some((name) => name.endsWith('client-sqs'))).toBe(hasSdk);
  expect(folders.some((name) => name.endsWith('amqplib'))).toBe(true);
  const dependencies = folders.reduce((sum, name) => sum + sizeOf(name), 0);
  expect(dependencies + sizeOf(path.join(root, 'dist'))).toBeLessThan(limit);
});

/** The bytes of all files in a package, without the packages inside it, which are listed separately. */
function sizeOf(directory: string): number {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules')
    .map((entry) => ({ entry, file: path.join(directory, entry.name) }))
    .reduce((sum, { entry, file }) => sum + (entry.isDirectory() ? sizeOf(file) : statSync(file).size), 0);
}
