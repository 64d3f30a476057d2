// Directories are created, even if others create them at the same time, or an error says why not.
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { makeDirectory } from '../src/directory.ts';
import { createTree } from './processor/tree.ts';

it('creates the missing ones, with the given mode, and reports them', () => {
  const root = createTree({});
  const made: string[] = [];
  makeDirectory(path.join(root, 'a/b'), 0o700, (directory) => made.push(path.relative(root, directory)));
  expect(made).toEqual(['a', 'a/b']);
  expect(statSync(path.join(root, 'a')).mode & 0o777).toBe(0o700);
  expect(statSync(path.join(root, 'a/b')).mode & 0o777).toBe(0o700);
});

it('leaves an existing one as it is', () => {
  const root = createTree({ 'a/file': '' });
  makeDirectory(path.join(root, 'a'));
  expect(readdirSync(root, { recursive: true }).sort()).toEqual(['a', 'a/file']);
});

it.each([
  ['a file', 'file'],
  ['a path through a file', 'file/x'],
])('refuses %s', (_what, name) => {
  const root = createTree({ file: '' });
  expect(() => makeDirectory(path.join(root, name))).toThrow(/EEXIST|ENOTDIR/);
});

it.runIf(existsSync('/proc'))("fails with the system's error", () => {
  expect(() => makeDirectory('/proc/orders/x')).toThrow('ENOENT');
});
