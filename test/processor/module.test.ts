// Which files of a service directory may contain the processor.
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findModules } from '../../src/processor/module.ts';
import { readServiceDirectory } from '../../src/processor/directory.ts';
import { createTree, type Tree } from './tree.ts';

function find(tree: Tree, configured?: string) {
  const directory = createTree({ 'package.json': {}, ...tree });
  return findModules(readServiceDirectory(directory), configured);
}

/** Creates empty files of these names. */
function empty(names: readonly string[]): Tree {
  return Object.fromEntries(names.map((name) => [name, '']));
}

function nearest(files: readonly string[]): string[] {
  return find(empty(files)).nearest.map(({ name }) => name);
}

describe('the nearest processor', () => {
  it.each(['ts', 'mts', 'js', 'mjs', 'cjs'])('may end in .%s', (ending) => {
    expect(nearest([`processor.${ending}`])).toEqual([`processor.${ending}`]);
  });

  it.each<[string, string[], string[]]>([
    ['is the shallowest', ['a/b/processor.ts', 'z/processor.ts'], ['z/processor.ts']],
    ['is the shallowest, whatever its extension', ['processor.js', 'src/processor.ts'], ['processor.js']],
    ['is the source beside its build output', ['src/processor.ts', 'src/processor.js'], ['src/processor.ts']],
    [
      'is the source below its build output',
      ['dist/processor.js', 'src/a/processor.ts'],
      ['src/a/processor.ts'],
    ],
    ['is build output if there are no sources', ['dist/processor.js'], ['dist/processor.js']],
    ['is not a test beside it', ['test/processor.ts', 'src/a/processor.ts'], ['src/a/processor.ts']],
    [
      'is not in build output further down',
      ['src/dist/processor.js', 'a/b/c/processor.ts'],
      ['a/b/c/processor.ts'],
    ],
    ['is not in node_modules', ['node_modules/a/processor.js', 'src/node_modules/processor.js'], []],
    ['is not in a dot folder', ['.cache/processor.ts', 'src/.old/processor.ts'], []],
    ['is not in another package', ['packages/b/package.json', 'packages/b/processor.ts'], []],
    ['is not below another package', ['packages/b/package.json', 'packages/b/src/processor.ts'], []],
    ['is at most eight folders down', ['1/2/3/4/5/6/7/8/processor.ts'], ['1/2/3/4/5/6/7/8/processor.ts']],
    ['is not nine folders down', ['1/2/3/4/5/6/7/8/9/processor.ts'], []],
    [
      'is not a file with another name',
      [
        'processor.d.ts',
        'processor.test.ts',
        'processor.json',
        'processor',
        'Processor.ts',
        'my-processor.ts',
      ],
      [],
    ],
    ['may be several', ['b/processor.ts', 'a/processor.ts'], ['a/processor.ts', 'b/processor.ts']],
    ['may be several in one folder', ['processor.ts', 'processor.mts'], ['processor.mts', 'processor.ts']],
    [
      'may be several of build output',
      ['dist/processor.js', 'build/processor.js'],
      ['build/processor.js', 'dist/processor.js'],
    ],
  ])('%s', (_what, files, expected) => {
    expect(nearest(files)).toEqual(expected);
  });

  it('may be behind a link, but folders behind links are not searched: they may form a cycle', () => {
    const directory = createTree({
      'package.json': {},
      'lib/main.ts': '',
      'elsewhere/deep/processor.ts': '',
    });
    mkdirSync(path.join(directory, 'a'));
    symlinkSync('../lib/main.ts', path.join(directory, 'a', 'processor.ts'));
    symlinkSync('..', path.join(directory, 'a', 'up'));
    const { nearest } = findModules(readServiceDirectory(directory), undefined);
    expect(nearest.map(({ name }) => name)).toEqual(['a/processor.ts']);
  });

  it('is neither a folder nor a broken link', () => {
    const directory = createTree({ 'package.json': {}, 'processor.ts/note': '' });
    symlinkSync('nothing', path.join(directory, 'processor.js'));
    expect(findModules(readServiceDirectory(directory), undefined).nearest).toEqual([]);
  });
});

describe('the entry of package.json', () => {
  it.each<[string, Tree, string | undefined]>([
    ['is main', { 'package.json': { main: 'lib/a.js' }, 'lib/a.js': '' }, 'lib/a.js'],
    ['may lack its extension', { 'package.json': { main: './lib/a' }, 'lib/a.ts': '' }, 'lib/a.ts'],
    [
      'may be a folder with an index',
      { 'package.json': { main: './lib' }, 'lib/index.ts': '' },
      'lib/index.ts',
    ],
    ['is exports', { 'package.json': { exports: { '.': { import: './b.ts' } } }, 'b.ts': '' }, 'b.ts'],
    ['is none if its file is missing', { 'package.json': { main: 'dist/a.js' }, 'a.js': '' }, undefined],
    [
      'is none if it is a folder without an index',
      { 'package.json': { main: 'lib' }, 'lib/a.ts': '' },
      undefined,
    ],
    ['is none without main and exports', { 'package.json': {}, 'index.js': '' }, undefined],
  ])('%s', (_what, tree, expected) => {
    expect(find(tree).entry?.name).toBe(expected);
  });
});

describe('PROCESSOR_MODULE', () => {
  it.each([
    ['a path', 'lib/a.ts', 'lib/a.ts'],
    ['a path that begins with a dot', './lib/a.ts', 'lib/a.ts'],
    ['a path without its extension', 'lib/a', 'lib/a.ts'],
    ['a folder with an index', 'lib', 'lib/index.mjs'],
    ['a detour that stays inside', 'lib/../lib/a.ts', 'lib/a.ts'],
    ['a file whose name begins with dots', '..a.ts', '..a.ts'],
  ])('may be %s', (_what, configured, expected) => {
    expect(find(empty(['lib/a.ts', 'lib/index.mjs', '..a.ts']), configured).configured?.name).toBe(expected);
  });

  it('may be an absolute path inside the service directory', () => {
    const directory = createTree({ 'package.json': {}, 'lib/a.ts': '' });
    const configured = path.join(directory, 'lib/a.ts');
    expect(findModules(readServiceDirectory(directory), configured).configured?.name).toBe('lib/a.ts');
  });

  const packages = {
    'node_modules/cjs/package.json': { name: 'cjs', main: 'main.js' },
    'node_modules/cjs/main.js': '',
    'node_modules/cjs/other.js': '',
    'node_modules/plain/package.json': { name: 'plain' },
    'node_modules/plain/index.js': '',
    'node_modules/@acme/esm/package.json': { type: 'module', exports: { '.': { import: './lib/a.js' } } },
    'node_modules/@acme/esm/lib/a.js': '',
    'node_modules/broken/package.json': '{',
    'node_modules/empty/package.json': { main: 'missing.js' },
  };

  it.each([
    ['cjs', 'node_modules/cjs/main.js'],
    ['plain', 'node_modules/plain/index.js'],
    ['@acme/esm', 'node_modules/@acme/esm/lib/a.js'],
  ])('may be the package %s', (name, file) => {
    const { configured } = find(packages, name);
    expect(configured?.name).toBe(name);
    expect(configured?.path.endsWith(file)).toBe(true);
  });

  it.each([
    ['a Python name left over', 'service_example.processor'],
    ['a file that is missing', 'lib/b.ts'],
    ['a package that is not installed', 'left-pad'],
    ['a file of a package', 'cjs/other.js'],
    ['a package without a usable package.json', 'broken'],
    ['a package without its entry', 'empty'],
    ['a module of Node', 'node:fs'],
    ['a URL', 'https://example.com/a.js'],
    ['a scope', '@acme'],
    ['the directory itself', '.'],
    ['blank', ' '],
  ])('does not resolve if it is %s', (_what, configured) => {
    expect(find({ 'lib/a.ts': '', ...packages }, configured).configured).toBeUndefined();
  });

  it.each(['../a.ts', 'lib/../../a.ts', '..', '/etc/passwd', '/'])(
    'may not leave the directory: %s',
    (configured) => {
      expect(() => find(empty(['processor.ts']), configured)).toThrow(
        `PROCESSOR_MODULE "${configured}" leaves the service directory`,
      );
    },
  );
});
