// The errors that people see for a module of theirs that Node cannot load.
import { afterAll, describe, expect, it } from 'vitest';
import { startLoader } from './loading.ts';
import { createTree, type Tree } from './tree.ts';

const loader = startLoader();
afterAll(() => loader[Symbol.asyncDispose]());

describe('a module that cannot be loaded has an error with the failure, its place and the remedy', () => {
  const decorator = 'function d(..._: unknown[]) {}\nexport class AServiceProcessor { @d process() {} }';

  it.each<[string, Tree, RegExp]>([
    [
      'enum',
      { 'processor.ts': '\nexport enum A { b }' },
      /^cannot load processor\.ts: TypeScript enum is not supported in strip-only mode \(processor\.ts:2\)\. Node runs TypeScript by stripping.*erasableSyntaxOnly/,
    ],
    [
      'a parameter property',
      { 'processor.ts': 'export class A { constructor(private a: number) {} }' },
      /^cannot load processor\.ts: TypeScript parameter property is not supported .*\(processor\.ts:1\)\..*erasableSyntaxOnly/,
    ],
    [
      'an enum in an imported module',
      { 'processor.ts': 'import "./lib/a.ts";', 'lib/a.ts': 'enum A { b }' },
      /^cannot load processor\.ts: TypeScript enum .*\(lib\/a\.ts:1\)/,
    ],
    [
      'a decorator',
      { 'processor.ts': decorator },
      /\("node processor\.ts" shows where\)\. If it is a decorator/,
    ],
    [
      'broken TypeScript',
      { 'processor.ts': 'let a: = 1;' },
      /^cannot load processor\.ts: .* \(processor\.ts:1\)$/,
    ],
    ['broken JavaScript', { 'processor.js': 'let = = 1;' }, /\("node processor\.js" shows where\)$/],
    [
      'a type imported as a value',
      { 'processor.ts': 'import { T } from "./t.ts"; export let t: T;', 't.ts': 'export type T = 1;' },
      /does not provide an export named 'T' .*\. If it is a type, import it with "import type"$/,
    ],
    [
      'an import without its extension',
      { 'processor.ts': 'import "./lib/a";', 'lib/a.ts': '' },
      /Cannot find module '.*\/lib\/a' imported from .*\. Imports of your own files need the file extension/,
    ],
    [
      'an import of a folder',
      { 'processor.ts': 'import "./lib";', 'lib/index.ts': '' },
      /Directory import .*\. Imports of your own files need the file extension/,
    ],
    [
      'a package that is not installed',
      { 'processor.ts': 'import "left-pad";' },
      /Cannot find package 'left-pad' .*packages need npm install$/,
    ],
    [
      'a package that is not installed, required',
      { 'processor.cjs': 'require("left-pad");' },
      /^cannot load processor\.cjs: Cannot find module 'left-pad' \(processor\.cjs:1:1\)\. .*packages need npm install$/,
    ],
    [
      'TypeScript of a package',
      {
        'processor.ts': 'import "a";',
        'node_modules/a/package.json': { exports: './a.ts' },
        'node_modules/a/a.ts': 'export {}',
      },
      /Node does not run TypeScript in node_modules: publish that package as JavaScript$/,
    ],
    [
      'an error that it throws',
      {
        'processor.ts': 'import { a } from "./lib/a.ts";\na();',
        'lib/a.ts': '\nexport const a = () => { throw new Error("no DATABASE_URL"); };',
      },
      /^cannot load processor\.ts: no DATABASE_URL \(lib\/a\.ts:2:\d+\)$/,
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
});
