// Files are written into a new directory, all or none, and never over an existing file.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { writeFresh } from '../../../src/commands/new/fresh-directory.ts';
import { SvchostError, UsageError } from '../../../src/errors.ts';
import { createTree } from '../../processor/tree.ts';

const files = new Map([
  ['a', 'text'],
  ['b/c/d', 'deep'],
]);

/** No file system has a file and a directory of the same name: the second of these cannot be written. */
const impossible = new Map([...files, ['b/c/d/e', '']]);

it('creates the directory and its missing parents', () => {
  const root = createTree({});
  writeFresh(path.join(root, 'x/y'), files);
  expect(readFileSync(path.join(root, 'x/y/a'), 'utf8')).toBe('text');
  expect(readFileSync(path.join(root, 'x/y/b/c/d'), 'utf8')).toBe('deep');
});

it('writes into an empty directory', () => {
  const root = createTree({});
  writeFresh(root, files);
  expect(readdirSync(root, { recursive: true }).sort()).toEqual(['a', 'b', 'b/c', 'b/c/d']);
});

it.each([
  ['a directory that is not empty', { '.git/HEAD': '' }, '', 'is not empty'],
  ['a file', { orders: 'mine' }, 'orders', 'it is a file, or inside one'],
  ['a path through a file', { orders: 'mine' }, 'orders/x', 'it is a file, or inside one'],
])('refuses %s, and leaves it as it is', (_what, tree, at, message) => {
  const root = createTree(tree);
  const before = readdirSync(root, { recursive: true });
  const write = () => writeFresh(path.join(root, at), files);
  expect(write).toThrow(UsageError);
  expect(write).toThrow(message);
  expect(write).toThrow('choose another directory');
  expect(readdirSync(root, { recursive: true })).toEqual(before);
});

it('removes everything again if one file cannot be written', () => {
  const root = createTree({});
  const write = () => writeFresh(path.join(root, 'x/y'), impossible);
  expect(write).toThrow(SvchostError);
  expect(write).toThrow(/^nothing was written: E[A-Z]+: .*b\/c\/d/);
  expect(readdirSync(root)).toEqual([]);
  expect(() => writeFresh(root, impossible)).toThrow('nothing was written');
  expect(readdirSync(root)).toEqual([]);
});

it('also removes the directories that it created if a deeper one cannot be created', () => {
  const root = createTree({});
  const tooLong = 'x'.repeat(300);
  expect(() => writeFresh(path.join(root, 'a', 'b'), new Map([[`c/${tooLong}/d`, 'text']]))).toThrow(
    'nothing was written: ENAMETOOLONG',
  );
  expect(readdirSync(root)).toEqual([]);
});

it('neither overwrites nor removes files that another process writes meanwhile', () => {
  const root = createTree({});
  const target = path.join(root, 'orders');
  /** Another process writes before the second file. */
  class Shared extends Map<string, string> {
    override *[Symbol.iterator](): MapIterator<[string, string]> {
      yield ['a', 'text'];
      writeFileSync(path.join(target, 'b'), 'theirs');
      yield ['b', 'ours'];
    }
  }
  expect(() => writeFresh(target, new Shared())).toThrow('nothing was written: EEXIST');
  expect(readdirSync(target)).toEqual(['b']);
  expect(readFileSync(path.join(target, 'b'), 'utf8')).toBe('theirs');
});
