// Directories are made, whoever else makes them, or there is an error.
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { makeDirectory } from '../src/directory.ts';
import { createTree } from './processor/tree.ts';

it('makes what is missing, with its mode, and tells what it made', () => {
  const root = createTree({});
  const made: string[] = [];
  makeDirectory(path.join(root, 'a/b'), 0o700, (directory) => made.push(path.relative(root, directory)));
  expect(made).toEqual(['a', 'a/b']);
  expect(statSync(path.join(root, 'a')).mode & 0o777).toBe(0o700);
  expect(statSync(path.join(root, 'a/b')).mode & 0o777).toBe(0o700);
});

it('leaves what is there as it is', () => {
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

it.runIf(existsSync('/proc'))('ends with an error where the system makes none', () => {
  expect(() => makeDirectory('/proc/orders/x')).toThrow('ENOENT');
});
