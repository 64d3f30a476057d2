// The watcher on a real file system: what editors, checkouts and services do to files.
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { scopeOf } from '../../../src/commands/dev/scope.ts';
import { Watcher } from '../../../src/commands/dev/watcher.ts';
import { systemClock } from '../../../src/clock.ts';
import { addFiles, createTree, type Tree } from '../../processor/tree.ts';

/** A watched service, and what is told of it. */
function watchTree(tree: Tree) {
  const directory = createTree(tree);
  const told: string[][] = [];
  let notify = (): void => undefined;
  const watcher = new Watcher({
    clock: systemClock,
    onChange: (files) => {
      told.push(files.map((file) => path.relative(directory, file)).sort());
      notify();
    },
    onTrouble: (reason) => {
      throw new Error(reason);
    },
  });
  onTestFinished(() => watcher.close());
  watcher.watch(scopeOf({ directory, loaded: new Set(), data: [] }));
  return {
    directory,
    watcher,
    told,
    file: (name: string) => path.join(directory, name),
    /** What is told next. */
    next: async () => {
      if (told.length === 0) await new Promise<void>((resolve) => (notify = resolve));
      return told.shift();
    },
  };
}

describe('the watcher', () => {
  it('tells of a file that is written in place, once', async () => {
    const { file, next, told } = watchTree({ 'lib/handler.ts': 'a' });
    writeFileSync(file('lib/handler.ts'), '');
    appendFileSync(file('lib/handler.ts'), 'b');
    expect(await next()).toEqual(['lib/handler.ts']);
    expect(told).toEqual([]);
  });

  it('tells of a file that an editor replaces by another, time and again', async () => {
    const { file, next } = watchTree({ 'lib/handler.ts': 'a' });
    for (const content of ['b', 'c']) {
      writeFileSync(file('lib/.handler.ts.tmp'), content);
      renameSync(file('lib/.handler.ts.tmp'), file('lib/handler.ts'));
      expect(await next()).toEqual(['lib/handler.ts']);
    }
  });

  it('tells of many files at once, also of those that are gone', async () => {
    const tree = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`lib/${index}.ts`, 'a']));
    const { directory, file, next, told } = watchTree(tree);
    addFiles(directory, Object.fromEntries(Object.keys(tree).map((name) => [name, 'b'])));
    rmSync(file('lib/0.ts'));
    expect(await next()).toEqual(Object.keys(tree).sort());
    expect(told).toEqual([]);
  });

  it('follows folders that are new, renamed, or made again under the same name', async () => {
    const { directory, file, next } = watchTree({ 'lib/handler.ts': 'a' });
    addFiles(directory, { 'new/deep/a.ts': '' });
    expect(await next()).toEqual(['new/deep/a.ts']);
    writeFileSync(file('new/deep/a.ts'), 'b');
    expect(await next()).toEqual(['new/deep/a.ts']);

    renameSync(file('new'), file('renamed'));
    expect(await next()).toEqual(['new', 'renamed/deep/a.ts']);
    writeFileSync(file('renamed/deep/a.ts'), 'c');
    expect(await next()).toEqual(['renamed/deep/a.ts']);

    rmSync(file('lib'), { recursive: true });
    mkdirSync(file('lib'));
    writeFileSync(file('lib/handler.ts'), 'b');
    expect(await next()).toEqual(['lib', 'lib/handler.ts']);
    writeFileSync(file('lib/handler.ts'), 'c');
    expect(await next()).toEqual(['lib/handler.ts']);
  });

  it('tells of a folder that is moved away', async () => {
    const { directory, file, next } = watchTree({ 'lib/handler.ts': 'a' });
    const elsewhere = `${directory}-moved`;
    onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }));
    renameSync(file('lib'), elsewhere);
    expect(await next()).toEqual(['lib']);
    renameSync(elsewhere, file('lib'));
    expect(await next()).toEqual(['lib/handler.ts']);
  });

  it('says nothing of what does not count', async () => {
    const { directory, file, next, told } = watchTree({
      'lib/handler.ts': 'a',
      '.svchost/queue.db': '',
      'node_modules/zod/index.js': '',
      'mail.log': '',
    });
    addFiles(directory, {
      '.svchost/queue.db': 'x',
      'node_modules/zod/index.js': 'x',
      'state.json': '1',
      'new/x': '',
    });
    appendFileSync(file('mail.log'), 'line\n');
    // Behind all of these.
    writeFileSync(file('lib/handler.ts'), 'b');
    expect(await next()).toEqual(['lib/handler.ts']);
    expect(told).toEqual([]);
  });

  it('does not take what it begins to watch for a change, nor forget one for it', async () => {
    const { directory, watcher, file, next, told } = watchTree({
      'processor.ts': '',
      'dist/main.js': '',
      'dist/other.js': '',
    });
    addFiles(directory, { 'new/a.ts': '' });
    watcher.watch(scopeOf({ directory, loaded: new Set([file('dist/main.js')]), data: [] }));
    expect(await next()).toContain('new/a.ts');
    writeFileSync(file('dist/main.js'), 'x');
    expect(await next()).toEqual(['dist/main.js']);
    expect(told).toEqual([]);
  });

  it('tells also where something is written without end', async () => {
    const { file, next } = watchTree({ 'a.ts': '' });
    const timer = setInterval(() => appendFileSync(file('a.ts'), 'x'), 20);
    onTestFinished(() => clearInterval(timer));
    expect(await next()).toEqual(['a.ts']);
    expect(await next()).toEqual(['a.ts']);
  });
});
