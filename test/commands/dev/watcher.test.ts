// The watcher on a real file system: how editors, checkouts and services change files.
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { scopeOf } from '../../../src/commands/dev/scope.ts';
import { Watcher } from '../../../src/commands/dev/watcher.ts';
import { systemClock } from '../../../src/clock.ts';
import { addFiles, createTree, type Tree } from '../../processor/tree.ts';

/** A watched service, and the changes that were reported. */
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
    /** The next report. */
    next: async () => {
      if (told.length === 0) await new Promise<void>((resolve) => (notify = resolve));
      return told.shift();
    },
  };
}

describe('the watcher', () => {
  it('reports a file that is written in place, once', async () => {
    const { file, next, told } = watchTree({ 'lib/handler.ts': 'a' });
    writeFileSync(file('lib/handler.ts'), '');
    appendFileSync(file('lib/handler.ts'), 'b');
    expect(await next()).toEqual(['lib/handler.ts']);
    expect(told).toEqual([]);
  });

  it('reports a file that an editor replaces, again and again', async () => {
    const { file, next } = watchTree({ 'lib/handler.ts': 'a' });
    for (const content of ['b', 'c']) {
      writeFileSync(file('lib/.handler.ts.tmp'), content);
      renameSync(file('lib/.handler.ts.tmp'), file('lib/handler.ts'));
      expect(await next()).toEqual(['lib/handler.ts']);
    }
  });

  it('reports many files at once, deleted ones included', async () => {
    const tree = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`lib/${index}.ts`, 'a']));
    const { directory, file, next, told } = watchTree(tree);
    addFiles(directory, Object.fromEntries(Object.keys(tree).map((name) => [name, 'b'])));
    rmSync(file('lib/0.ts'));
    expect(await next()).toEqual(Object.keys(tree).sort());
    expect(told).toEqual([]);
  });

  it('follows folders that are new, renamed, or created again under the same name', async () => {
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

  it('reports a folder that is moved away', async () => {
    const { directory, file, next } = watchTree({ 'lib/handler.ts': 'a' });
    const elsewhere = `${directory}-moved`;
    onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }));
    renameSync(file('lib'), elsewhere);
    expect(await next()).toEqual(['lib']);
    renameSync(elsewhere, file('lib'));
    expect(await next()).toEqual(['lib/handler.ts']);
  });

  it('ignores changes that do not count', async () => {
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
    // Written after all of these.
    writeFileSync(file('lib/handler.ts'), 'b');
    expect(await next()).toEqual(['lib/handler.ts']);
    expect(told).toEqual([]);
  });

  it('neither mistakes a newly watched file for a change nor forgets a change because of it', async () => {
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

  it('reports even while a file is written without pause', async () => {
    const { file, next } = watchTree({ 'a.ts': '' });
    const timer = setInterval(() => appendFileSync(file('a.ts'), 'x'), 20);
    onTestFinished(() => clearInterval(timer));
    expect(await next()).toEqual(['a.ts']);
    expect(await next()).toEqual(['a.ts']);
  });
});
