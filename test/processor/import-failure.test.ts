// The errors that people see for a module of theirs that cannot be loaded: each folder of fixtures/ is one cause.
import { cpSync, existsSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { causes } from '../../src/processor/import-failure.ts';
import { runCli } from '../support/host-process.ts';
import { startLoader } from './loading.ts';
import { createTree, type Tree } from './tree.ts';

const fixtures = path.join(import.meta.dirname, 'fixtures');
const loader = startLoader();
afterAll(() => loader[Symbol.asyncDispose]());

/** Each cause, and its explanation. */
const explanations: Readonly<Record<string, RegExp>> = {
  construct:
    /^cannot load processor\.ts: Node alone does not run an enum \(lib\/answer\.ts:2\)\. Run npm install tsx: svchost then uses it/,
  'installed-typescript':
    /: node_modules\/answers\/index\.ts is TypeScript in an installed package, .*: publish that package as JavaScript$/,
  alias:
    /: the path alias "@\/answers" in src\/processor\.ts means src\/answers \(tsconfig\.json\), and there is no such file$/,
  'missing-file': /: there is no lib\/anser\.js \(imported by processor\.ts\); did you mean answer\.ts\?$/,
  'missing-package':
    /: the package "answers" is not installed \(imported by processor\.ts\): run npm install answers in \//,
  'hidden-path':
    /Package subpath '\.\/lib\/answer\.js' is not defined .*: import one of the paths that "exports"/,
  'module-in-commonjs':
    /: Cannot use import statement outside a module \(processor\.js:1\): its package is CommonJS\. Set "type": "module"/,
  'commonjs-in-module':
    /: require is not defined .* \(processor\.js:1:\d+\): the file is an ES module\. Use import and export/,
  'missing-export':
    /does not provide an export named 'Answer' \(processor\.ts:1\)\. If it is a type, import it with "import type"/,
  syntax: /^cannot load processor\.js: Unexpected token '=' \(lib\/answer\.js:2\)$/,
  thrown: /^cannot load processor\.ts: no DATABASE_URL \(lib\/answer\.ts:2:\d+\)$/,
  unfinished: /^loading the processor can never end: lib\/answer\.ts awaits processor\.ts, which imports it$/,
};

/** A copy of a fixture, with its packages installed. */
function copyFixture(name: string): string {
  const directory = createTree({});
  cpSync(path.join(fixtures, name), directory, { recursive: true });
  const installed = path.join(directory, 'installed');
  if (existsSync(installed)) renameSync(installed, path.join(directory, 'node_modules'));
  return directory;
}

describe('each cause of a failure is named, with its place and the remedy', () => {
  it('has a fixture', () => {
    expect(readdirSync(fixtures).sort()).toEqual([...Object.keys(causes), 'unfinished'].sort());
  });

  it.each(readdirSync(fixtures))('%s', async (name) => {
    const { code, stdout } = await runCli(['check', '--json'], { cwd: copyFixture(name) });
    expect(code).toBe(70);
    const { problems } = JSON.parse(stdout) as { readonly problems: readonly { readonly found: string }[] };
    const [found = ''] = (problems[0]?.found ?? '').split('; caused by');
    expect(found).toMatch(explanations[name]!);
  });
});

describe('a module that cannot be loaded has an error with the failure, its place and the remedy', () => {
  const decorator = 'function d(..._: unknown[]) {}\nexport class AServiceProcessor { @d process() {} }';

  it.each<[string, Tree, RegExp]>([
    [
      'a parameter property',
      { 'processor.ts': 'export class A { constructor(private a: number) {} }' },
      /^cannot load processor\.ts: Node alone does not run a parameter property \(processor\.ts:1\)\./,
    ],
    [
      'an enum in an image, which has no devDependencies',
      {
        'package.json': { type: 'module', devDependencies: { tsx: '4' } },
        'processor.ts': 'export enum A { b }',
      },
      /does not run an enum \(processor\.ts:1\)\. tsx is in devDependencies, .*: move it to dependencies$/,
    ],
    ['a decorator', { 'processor.ts': decorator }, /does not run a decorator \(processor\.ts:2\)\. .*tsx/],
    [
      'decorators whose types are needed',
      {
        'processor.ts': decorator,
        'tsconfig.json': { compilerOptions: { experimentalDecorators: true, emitDecoratorMetadata: true } },
      },
      /does not run a decorator \(.*processor\.ts:2\), .* emitDecoratorMetadata, .* Run npm install @swc\/core/,
    ],
    [
      'JSX',
      { 'processor.ts': 'import "./page.tsx";', 'page.tsx': 'export const page = <b/>;' },
      /does not run JSX \(page\.tsx:1\)/,
    ],
    [
      'CommonJS and an import at once',
      {
        'package.json': { type: 'commonjs' },
        'processor.ts': 'import "node:fs";\nexport const a = __dirname;',
      },
      /does not run CommonJS beside "import" or "export" \(processor\.ts:2\)/,
    ],
    [
      'broken TypeScript',
      { 'processor.ts': 'let a: = 1;' },
      /^cannot load processor\.ts: .* \(processor\.ts:1\)$/,
    ],
    ['broken JavaScript', { 'processor.js': 'const a = = 1;' }, /Unexpected token '=' \(processor\.js:1\)$/],
    [
      'a package that its package.json declares',
      {
        'package.json': { type: 'module', dependencies: { answers: '1' } },
        'package-lock.json': {},
        'processor.ts': 'import "answers";',
      },
      /the package "answers" is not installed .*: run npm install in \/[^ ]*$/,
    ],
    [
      'a package that is not installed in a workspace of pnpm',
      {
        'package.json': { type: 'module', main: 'services/a/processor.ts' },
        'pnpm-lock.yaml': '',
        'services/a/package.json': { type: 'module' },
        'services/a/processor.ts': 'import "@answers/final/now.js";',
      },
      /the package "@answers\/final" is not installed .*: run pnpm add @answers\/final in \/.*\/services\/a$/,
    ],
    [
      'a package that is not installed, required',
      { 'processor.cjs': 'require("left-pad");' },
      /^cannot load processor\.cjs: the package "left-pad" is not installed \(imported by processor\.cjs\): run npm/,
    ],
    [
      'an alias that no tsconfig.json has',
      { 'processor.ts': 'import "@/answer";' },
      /"@\/answer" in processor\.ts looks like a path alias, but no tsconfig\.json above it has "paths" for it$/,
    ],
    [
      'an alias of a tsconfig.json that cannot be read',
      { 'processor.ts': 'import "@/answer";', 'tsconfig.json': { extends: './base.json' } },
      /"@\/answer" in processor\.ts looks like a path alias, but its tsconfig\.json cannot be read: .*base\.json/,
    ],
    [
      'a named export of a CommonJS package',
      {
        'processor.js': 'import { answer } from "a"; answer();',
        'node_modules/a/package.json': { main: './a.js' },
        'node_modules/a/a.js': 'module.exports = (() => ({ answer: 42 }))();',
      },
      /an export named 'answer' .* if that module is CommonJS, import its default export$/,
    ],
    [
      'an error of a package that it calls',
      {
        'processor.ts': 'import a from "a";\na();',
        'node_modules/a/package.json': { type: 'module', exports: './a.js' },
        'node_modules/a/a.js': 'export default () => { throw new TypeError("bad option"); };',
      },
      /^cannot load processor\.ts: bad option \(processor\.ts:2:1\)$/,
    ],
    ['text that it throws', { 'processor.ts': 'throw "no luck";' }, /^cannot load processor\.ts: no luck$/],
    [
      'nothing that it throws',
      { 'processor.ts': 'throw undefined;' },
      /^cannot load processor\.ts: undefined was thrown/,
    ],
    ['null that it throws', { 'processor.ts': 'throw null;' }, /^cannot load processor\.ts: null was thrown/],
    [
      'a promise that rejects',
      { 'processor.ts': 'await Promise.reject(new Error("down"));' },
      /: down \(processor\.ts:1:\d+\)$/,
    ],
  ])('%s', async (_what, tree, message) => {
    const loading = await loader.load(createTree({ 'package.json': { type: 'module' }, ...tree }));
    expect(loading).toMatchObject({ code: 'PROCESSOR', exitCode: 70 });
    expect('error' in loading && loading.error).toMatch(message);
  });

  it('a module that takes longer than PROCESSOR_LOAD_TIMEOUT', async () => {
    const cwd = createTree({
      'package.json': { type: 'module' },
      'processor.ts': 'import "./lib/pool.ts";\nexport class AServiceProcessor { process() {} }',
      'lib/pool.ts': 'setInterval(() => {}, 1000);\nawait new Promise(() => {});',
    });
    const { code, stderr, stdout } = await runCli(['run'], { cwd, env: { PROCESSOR_LOAD_TIMEOUT: '0.5' } });
    expect(code).toBe(70);
    expect(stdout + stderr).toContain(
      'loading the processor takes longer than PROCESSOR_LOAD_TIMEOUT (0.5 s): lib/pool.ts awaits something at its top level',
    );
  });
});
