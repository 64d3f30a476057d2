// Finds the processors of realistic service directories, or fails with a helpful error.
import { afterAll, describe, expect, it } from 'vitest';
import type { ProcessorChoice } from '../../src/processor/loader.ts';
import { startLoader, type Loading } from './loading.ts';
import { copyPackage, createTree, linkPackage, type Tree } from './tree.ts';

const loader = startLoader();
afterAll(() => loader[Symbol.asyncDispose]());

/** A module with one processor. */
const mail = 'export class MailServiceProcessor { process() { return "mail"; } }';
const sms = 'export class SmsServiceProcessor { process() { return "sms"; } }';
const manifest = { name: 'mail', version: '1.0.0', type: 'module' };

function load(tree: Tree, choice?: Partial<ProcessorChoice>) {
  return loader.load(createTree({ 'package.json': manifest, ...tree }), choice);
}

async function failureOf(tree: Tree, choice?: Partial<ProcessorChoice>): Promise<string> {
  const loading = await load(tree, choice);
  if (!('error' in loading)) throw new Error(`it found ${loading.type} of ${loading.module}`);
  expect(loading).toMatchObject({ code: 'PROCESSOR', exitCode: 70 });
  return loading.error;
}

describe('the module', () => {
  it.each<[string, Tree, string]>([
    ['the nearest processor', { 'src/processor.ts': mail }, 'src/processor.ts'],
    [
      'the source, even if it was built',
      { 'src/processor.ts': mail, 'dist/processor.js': sms },
      'src/processor.ts',
    ],
    [
      'the entry before the nearest processor',
      { 'package.json': { ...manifest, main: 'index.js' }, 'index.js': mail, 'processor.js': sms },
      'index.js',
    ],
    [
      'the nearest processor, if the entry is missing',
      { 'package.json': { ...manifest, exports: './dist/index.js' }, 'src/processor.ts': mail },
      'src/processor.ts',
    ],
    [
      'the nearest processor, if the entry exports none',
      {
        'package.json': { ...manifest, main: 'index.js' },
        'index.js': 'export const a = 1;',
        'processor.js': mail,
      },
      'processor.js',
    ],
    [
      'the entry, even if there are several processors',
      {
        'package.json': { ...manifest, main: 'index.js' },
        'index.js': mail,
        'a/processor.js': sms,
        'b/processor.js': sms,
      },
      'index.js',
    ],
  ])('is %s', async (_what, tree, module) => {
    expect(await load(tree)).toEqual({ module, type: 'MailServiceProcessor', answer: 'mail', warnings: [] });
  });

  it('is the one that PROCESSOR_MODULE names if there are several', async () => {
    const tree = { 'a/processor.ts': mail, 'b/processor.ts': sms };
    expect(await load(tree, { module: 'b/processor' })).toEqual({
      module: 'b/processor.ts',
      type: 'SmsServiceProcessor',
      answer: 'sms',
      warnings: [],
    });
  });

  it('is the one that PROCESSOR_MODULE names if none is called processor', async () => {
    expect(await load({ 'lib/mail.ts': mail }, { module: './lib/mail.ts' })).toMatchObject({
      module: 'lib/mail.ts',
      answer: 'mail',
      warnings: [],
    });
  });

  it.each<[string, Tree]>([
    [
      'CommonJS',
      {
        'package.json': { main: 'a.js' },
        'a.js': 'exports.MailServiceProcessor = class MailServiceProcessor { process() { return "mail"; } };',
      },
    ],
    [
      'ES modules only',
      { 'package.json': { type: 'module', exports: { '.': { import: './a.js' } } }, 'a.js': mail },
    ],
  ])('may be a package of %s that PROCESSOR_MODULE names', async (_what, files) => {
    const installed = Object.entries(files).map(([name, content]) => [
      `node_modules/@acme/mail/${name}`,
      content,
    ]);
    expect(await load(Object.fromEntries(installed) as Tree, { module: '@acme/mail' })).toEqual({
      module: '@acme/mail',
      type: 'MailServiceProcessor',
      answer: 'mail',
      warnings: [],
    });
  });
});

describe('a variable that is not used', () => {
  it.each([
    ['service_example.processor', 'does not resolve; using processor.ts, which was found without it'],
    [
      'other.ts',
      'is a fallback only; using processor.ts, which was found without it ("main" in package.json chooses another)',
    ],
  ])('has a warning: PROCESSOR_MODULE=%s', async (module, what) => {
    const loading = await load({ 'processor.ts': mail, 'other.ts': sms }, { module });
    expect(loading).toMatchObject({ answer: 'mail', warnings: [`PROCESSOR_MODULE "${module}" ${what}`] });
  });

  it('is refused if PROCESSOR_TYPE has another name', async () => {
    expect(await failureOf({ 'processor.ts': mail }, { type: 'SmsServiceProcessor' })).toBe(
      'processor.ts exports no processor "SmsServiceProcessor" (PROCESSOR_TYPE); the only processor is MailServiceProcessor',
    );
  });

  it('has no warning if it names the one that was found anyway', async () => {
    const choice = { module: './processor', type: 'MailServiceProcessor' };
    expect(await load({ 'processor.ts': mail }, choice)).toMatchObject({ warnings: [] });
  });
});

describe('a module that cannot be chosen', () => {
  const several = { 'a/processor.ts': mail, 'b/processor.ts': sms };

  it('lists several and names the variable to set', async () => {
    expect(await failureOf(several)).toMatch(
      /^several processor modules: a\/processor\.ts, b\/processor\.ts in \/.*; set PROCESSOR_MODULE to one of them, or PROCESSOR_TYPE to \* to run all$/,
    );
  });

  it('lists several and says that PROCESSOR_MODULE is none of them', async () => {
    expect(await failureOf(several, { module: 'service_example.processor' })).toMatch(
      /a\/processor\.ts, b\/processor\.ts in \/.*; PROCESSOR_MODULE "service_example.processor" is none of them$/,
    );
  });

  it('lists several if the entry exports none', async () => {
    const entry = {
      'package.json': { ...manifest, main: 'index.js' },
      'index.js': 'export const port = 80;',
    };
    const message = await failureOf({ ...entry, ...several });
    expect(message).toContain('names "index.js"; index.js exports port; ');
    expect(message).toContain('several processor modules: a/processor.ts, b/processor.ts. ');
  });

  it('names the places that were searched, and the remedy', async () => {
    const directory = createTree({ 'package.json': manifest, 'lib/a.ts': mail });
    expect(await loader.load(directory)).toMatchObject({
      error:
        `no processor in ${directory}: ${directory}/package.json has no entry ("exports" or "main"); there is no processor.ts or .js. ` +
        'Export a class that extends BaseServiceProcessor (or one named …ServiceProcessor with a process method), what ' +
        'defineProcessor returns, or a function from processor.ts, or set PROCESSOR_MODULE to the module that does',
    });
  });

  it('names the missing entry', async () => {
    expect(await failureOf({ 'package.json': { main: 'dist/index.js' } })).toContain(
      'names "dist/index.js", which does not exist; there is no processor.ts or .js. ',
    );
  });

  it('names a PROCESSOR_MODULE that does not resolve: a Python name left over', async () => {
    expect(await failureOf({}, { module: 'service_example.processor' })).toContain(
      'PROCESSOR_MODULE "service_example.processor" does not resolve; ',
    );
  });

  it('refuses a PROCESSOR_MODULE outside, even if it is not needed', async () => {
    expect(await failureOf({ 'processor.ts': mail }, { module: '../processor.ts' })).toContain(
      'PROCESSOR_MODULE "../processor.ts" leaves the service directory',
    );
  });

  it.each([
    ['nothing', 'export {};', 'processor.ts exports nothing'],
    ['other things', 'export const a = 1; export class Helper {}', 'processor.ts exports Helper, a'],
    ['a class without the method', 'export class MailServiceProcessor {}', 'exports MailServiceProcessor.'],
  ])('names the exports of the module: %s', async (_what, code, expected) => {
    expect(await failureOf({ 'processor.ts': code })).toContain(expected);
  });
});

describe('the class', () => {
  const base = "import { BaseServiceProcessor } from 'rococo-svchost';\n";

  async function loadWith(install: (directory: string) => void, code: string) {
    const directory = createTree({ 'package.json': manifest, 'processor.ts': base + code });
    install(directory);
    return await loader.load(directory);
  }

  it.each([
    ['the package', linkPackage],
    ['another copy of the package', copyPackage],
  ])('may extend BaseServiceProcessor of %s', async (_which, install) => {
    const code = `
      export { BaseServiceProcessor };
      export class Helper { process() {} }
      export class Mail extends BaseServiceProcessor { process(): string { return 'mail'; } }`;
    expect(await loadWith(install, code)).toEqual({
      module: 'processor.ts',
      type: 'Mail',
      answer: 'mail',
      warnings: [],
    });
  });

  it('that extends it without the method gets a hint', async () => {
    const loading = await loadWith(
      linkPackage,
      'export class Mail extends BaseServiceProcessor { procces() {} }',
    );
    expect(loading).toMatchObject({
      error: expect.stringContaining(
        'processor.ts exports Mail (it extends BaseServiceProcessor but has no process method)',
      ) as unknown,
    });
  });

  const Mail = 'class MailServiceProcessor { process() { return "mail"; } }';

  it.each<[string, Tree]>([
    ['export default class', { 'processor.mjs': `export default ${Mail}` }],
    ['module.exports = class', { 'processor.cjs': `module.exports = ${Mail}` }],
    [
      'module.exports = { class }',
      { 'processor.cjs': `${Mail}; module.exports = { port: 80, MailServiceProcessor }` },
    ],
    [
      'exports.default of a translated module',
      { 'processor.cjs': `exports.__esModule = true; exports.default = ${Mail}` },
    ],
    ['export from another module', { 'processor.ts': 'export * from "./lib/mail.ts";', 'lib/mail.ts': mail }],
    [
      'a class that inherits process',
      {
        'processor.ts': 'import { A } from "./a.ts"; export class MailServiceProcessor extends A {}',
        'a.ts': 'export class A { process() { return "mail"; } }',
      },
    ],
    [
      'TypeScript whose types can be stripped',
      {
        'processor.ts':
          'interface A { b: string } export class MailServiceProcessor { private readonly a = "mail" as const; process(b?: A): string { return this.a satisfies string; } }',
      },
    ],
    [
      'CommonJS without a type in package.json',
      { 'package.json': {}, 'processor.js': `module.exports = ${Mail}` },
    ],
    ['an ES module without a type in package.json', { 'package.json': {}, 'processor.js': mail }],
  ])('may be written as %s', async (_what, tree) => {
    expect(await load(tree)).toMatchObject({ type: 'MailServiceProcessor', answer: 'mail', warnings: [] });
  });

  it('is chosen by PROCESSOR_TYPE among several', async () => {
    const tree = { 'processor.ts': mail + sms };
    expect(await load(tree, { type: 'SmsServiceProcessor' })).toMatchObject({ answer: 'sms', warnings: [] });
    expect(await failureOf(tree)).toBe(
      'processor.ts exports several processors: MailServiceProcessor, SmsServiceProcessor; set PROCESSOR_TYPE to one of them, to some of them separated by commas, or to * for all',
    );
    expect(await failureOf(tree, { type: 'Fax' })).toContain(
      'no processor "Fax" (PROCESSOR_TYPE); there are Mail',
    );
  });

  it.each<[string, Tree, string]>([
    ['of one module', { 'processor.ts': mail + sms }, '*'],
    ['of one module, by name', { 'processor.ts': mail + sms }, 'MailServiceProcessor, SmsServiceProcessor'],
    ['of several modules', { 'a/processor.ts': mail, 'b/processor.ts': sms }, '*'],
    [
      'of the entry and a module that it exports again',
      {
        'package.json': { ...manifest, main: 'index.ts' },
        'index.ts': `export { MailServiceProcessor } from "./processor.ts"; ${sms}`,
        'processor.ts': mail,
      },
      'MailServiceProcessor,SmsServiceProcessor',
    ],
  ])('may be several %s', async (_what, tree, type) => {
    const loading = await load(tree, { type });
    expect(loading).toMatchObject({ warnings: [] });
    const { type: first, others = [] } = loading as Extract<Loading, { readonly type: string }>;
    expect([first, ...others].sort()).toEqual(['MailServiceProcessor', 'SmsServiceProcessor']);
  });

  it('several of the same name are refused', async () => {
    const tree = { 'a/processor.ts': mail, 'b/processor.ts': mail };
    expect(await failureOf(tree, { type: '*' })).toBe(
      'a/processor.ts, b/processor.ts export two processors named MailServiceProcessor; give one another name',
    );
  });

  it('may be a function, by the name of its export or of the package', async () => {
    const answer = 'return "mail";';
    for (const [source, type] of [
      [`export async function orders() { ${answer} }`, 'orders'],
      [`export default async function () { ${answer} }`, 'MailServiceProcessor'],
      [`export const process = async () => { ${answer} };`, 'MailServiceProcessor'],
      [
        `const helper = () => 1; export { helper }; export default () => { ${answer} };`,
        'MailServiceProcessor',
      ],
      [`export const orders = { process() { ${answer} } };`, 'orders'],
      [`export default new (class Mail { process() { ${answer} } })();`, 'MailServiceProcessor'],
    ] as const) {
      expect(await load({ 'processor.ts': source })).toMatchObject({ type, answer: 'mail' });
    }
  });

  it('is no function if another module has something better', async () => {
    const tree = {
      'package.json': { ...manifest, main: 'index.js' },
      'index.js': 'export function helper() {}',
      'processor.js': mail,
    };
    expect(await load(tree)).toMatchObject({ module: 'processor.js', answer: 'mail' });
  });

  it.each([
    'export class MailServiceProcessor { *process() {} }',
    'export class MailServiceProcessor { async *process() {} }',
    'export default function* () {}',
    'export const MailServiceProcessor = { async *process() {} };',
  ])('is refused if its process is a generator: %s', async (source) => {
    expect(await failureOf({ 'processor.js': source })).toBe(
      'process of MailServiceProcessor (processor.js) is a generator function, which does nothing when it is called; ' +
        'make it an async function',
    );
  });

  it("without a name is refused, since the queue's variable is named after it", async () => {
    const directory = createTree({
      'package.json': manifest,
      'processor.js': `${base} export default class extends BaseServiceProcessor { process() {} }`,
    });
    linkPackage(directory);
    expect(await loader.load(directory)).toMatchObject({
      error:
        "the processor class of processor.js has no name; give it one: the queue's variable is named after it",
    });
  });
});
