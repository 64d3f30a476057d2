// Service directories for tests, written from an object and removed with the test.
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** Paths and the content of their files: text as it is, anything else as JSON. */
export type Tree = Readonly<Record<string, unknown>>;

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Writes a tree into a new directory, which is removed after the test. Returns its path, links resolved. */
export function createTree(tree: Tree): string {
  const directory = realpathSync(mkdtempSync(path.join(tmpdir(), 'svchost-tree-')));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  addFiles(directory, tree);
  return directory;
}

/** Adds files to a directory, with the folders that they need. */
export function addFiles(directory: string, tree: Tree): void {
  for (const [name, content] of Object.entries(tree)) {
    const file = path.join(directory, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  }
}

/** Does the work of `npm install` for this package: `import 'rococo-svchost'` finds the built one. */
export function linkPackage(directory: string): void {
  mkdirSync(path.join(directory, 'node_modules'), { recursive: true });
  symlinkSync(repository, path.join(directory, 'node_modules', 'rococo-svchost'));
}

/** Another copy of the built package, as if two versions were in one dependency tree. */
export function copyPackage(directory: string): void {
  const target = path.join(directory, 'node_modules', 'rococo-svchost');
  cpSync(path.join(repository, 'dist'), path.join(target, 'dist'), { recursive: true });
  cpSync(path.join(repository, 'package.json'), path.join(target, 'package.json'));
}
