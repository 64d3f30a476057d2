// Services whose sources are written as TypeScript allows: each folder of fixtures/ has one construct, and runs on every
// version of Node that svchost supports.
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../support/command.ts';
import { bin, cleanEnvironment } from '../../support/host-process.ts';
import { installNode, nodeVersions } from '../../support/node-version.ts';
import { linkPackage } from '../tree.ts';

const fixtures = path.join(import.meta.dirname, 'fixtures');
const modules = path.resolve(import.meta.dirname, '../../../node_modules');

/** A service, the packages that it has installed, and what loads it. */
type Row = readonly [fixture: string, installed: readonly string[], loader: RegExp];

const node = /^Node$/;
const tsx = (because: string) => new RegExp(`^tsx 4[.\\d]+, because of ${because}$`);
const misplaced = '"import" or "export" in a package that is not of type "module" \\(processor.ts:1\\)';

const rows: readonly Row[] = [
  // Node alone, although tsx is there.
  ['erasable-module', ['tsx'], node],
  ['ending-js', ['tsx'], node],
  ['ending-none', ['tsx'], node],
  ['folder', ['tsx'], node],
  ['dynamic-import', ['tsx'], node],
  ['paths', ['tsx'], node],
  ['paths-inherited', ['tsx'], node],
  ['base-url', ['tsx'], node],
  ['package-imports', ['tsx'], node],
  ['json', ['tsx'], node],
  ['mts', ['tsx'], node],
  ['cts', ['tsx'], node],
  ['erasable-required', ['tsx'], node],
  // TypeScript makes CommonJS of these, as tsx does; without it they are the ES modules as which they are written.
  ['erasable-commonjs', [], node],
  ['erasable-commonjs', ['tsx'], tsx(misplaced)],
  ['erasable-typeless', [], node],
  ['erasable-typeless', ['tsx'], tsx(misplaced)],

  ['enum', ['tsx'], tsx('an enum \\(lib/answer.ts:1\\)')],
  ['enum-commonjs', ['tsx'], tsx(misplaced)],
  ['enum-typeless', ['tsx'], tsx(misplaced)],
  ['enum-later', ['tsx'], node],
  ['namespace', ['tsx'], tsx('a namespace \\(processor.ts:1\\)')],
  ['parameter-property', ['tsx'], tsx('a parameter property \\(processor.ts:2\\)')],
  ['import-equals', ['tsx'], tsx('an "import x = …" \\(processor.ts:1\\)')],
  ['decorator-experimental', ['tsx'], tsx('a decorator \\(processor.ts:9\\)')],
  ['decorator-standard', ['tsx'], tsx('a decorator \\(processor.ts:\\d+\\)')],
  ['jsx', ['tsx'], tsx('JSX \\(lib/page.tsx:1\\)')],
  ['tsx-processor', ['tsx'], tsx('JSX \\(processor.tsx:1\\)')],
  ['json-named', ['tsx'], tsx('a named import from JSON \\(processor.ts:1\\)')],
  ['commonjs-mixture', ['tsx'], tsx('CommonJS beside "import" or "export" \\(processor.ts:4\\)')],
  ['cts-import', ['tsx'], tsx('an "import" or "export" in a .cts file \\(lib/handler.cts:1\\)')],
  ['type-import', ['tsx'], tsx('an import of a type without "type" \\(processor.ts:1\\)')],
  ['type-import-package', ['tsx'], tsx('an import of a type without "type" \\(processor.ts:1\\)')],
  ['type-use-of-class', ['tsx'], node],
  ['paths-enum', ['tsx'], tsx('an enum \\(src/lib/answer.ts:1\\)')],

  [
    'metadata-module',
    ['tsx', '@swc/core'],
    /^@swc\/core 1[.\d]+, because of an enum \(lib\/question.ts:7\)$/,
  ],
  ['metadata-commonjs', ['tsx', '@swc/core'], /^@swc\/core 1/],
  ['metadata-typeless', ['tsx', '@swc/core'], /^@swc\/core 1/],
  ['metadata-module', ['tsx', 'typescript'], /^typescript 6/],
  ['metadata-commonjs', ['typescript'], /^typescript 6/],
  ['metadata-typeless', ['typescript'], /^typescript 6/],
];

// For all tests: those that run at once cannot have one each.
const temporary = realpathSync(mkdtempSync(path.join(tmpdir(), 'svchost-sources-')));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** Copies a service, as if its packages were installed. */
function install(fixture: string, packages: readonly string[]): string {
  const directory = mkdtempSync(path.join(temporary, 'service-'));
  cpSync(path.join(fixtures, fixture), directory, { recursive: true });
  linkPackage(directory);
  for (const name of packages) {
    const target = path.join(directory, 'node_modules', name);
    mkdirSync(path.dirname(target), { recursive: true });
    symlinkSync(path.join(modules, name), target);
  }
  return directory;
}

/** Runs a service once, as on its schedule. */
async function runOnce(executable: string, cwd: string) {
  const env = { EXECUTION_TYPE: 'CRON', CRON_TIME_AMOUNT: '1', CRON_TIME_UNIT: 'days' };
  return await runCommand(executable, [bin, 'run', '--once'], { cwd, env: cleanEnvironment(env) });
}

it('every fixture is tried', () => {
  expect([...new Set(rows.map(([fixture]) => fixture))].sort()).toEqual(readdirSync(fixtures).sort());
});

describe.each(nodeVersions)('on Node %s', (version) => {
  let executable: string;
  beforeAll(async () => {
    executable = await installNode(version);
  }, 300_000);

  it.concurrent.each(rows)('%s runs with %j installed', async (fixture, packages, loader) => {
    const { code, stdout, stderr } = await runOnce(executable, install(fixture, packages));
    expect(stdout + stderr).toContain('answer: 42');
    const line = /processor_loader: (.*?)"}?$/m.exec(stdout)?.[1]?.replaceAll('\\"', '"');
    expect({ code, loader: line }).toEqual({ code: 0, loader: expect.stringMatching(loader) as string });
  });
});

describe('a failure shows the place in the source', () => {
  const failing = `interface Long {
  answer: number;
}

export class AnswerServiceProcessor {
  process({ answer }: Long): void {
    throw new Error(\`no \${answer}\`);
  }
}
`;

  it('if tsx has compiled it', async () => {
    const cwd = install('enum', ['tsx']);
    writeFileSync(path.join(cwd, 'processor.ts'), `import './lib/answer.ts';\n${failing}`);
    const { code, stdout } = await runOnce(process.execPath, cwd);
    expect(code).toBe(1);
    expect(stdout).toMatch(/no undefined\\n +at [^\\]*processor\.ts:8:11/);
  });

  it('if it was built with a source map', async () => {
    const cwd = install('erasable-module', []);
    writeFileSync(path.join(cwd, 'package.json'), JSON.stringify({ type: 'module', main: 'dist/main.js' }));
    mkdirSync(path.join(cwd, 'src'));
    writeFileSync(path.join(cwd, 'src/main.ts'), failing);
    const tsc = path.join(modules, 'typescript/bin/tsc');
    const options = ['--outDir', 'dist', '--sourceMap', '--target', 'es2022', '--ignoreConfig'];
    const built = await runCommand(process.execPath, [tsc, ...options, 'src/main.ts'], { cwd });
    expect(built).toMatchObject({ code: 0 });
    const { code, stdout } = await runOnce(process.execPath, cwd);
    expect(code).toBe(1);
    expect(stdout).toMatch(/no undefined\\n +at [^\\]*src\/main\.ts:7:11/);
  });
});

it('a test loads the sources as svchost does', async () => {
  const cwd = install('enum', ['tsx']);
  const test = [
    "import { test } from 'node:test';",
    "import { AnswerServiceProcessor } from './processor.js';",
    "test('it answers', () => new AnswerServiceProcessor().process());",
  ].join('\n');
  writeFileSync(path.join(cwd, 'processor.test.mjs'), test);
  const args = ['--import', 'rococo-svchost/register', '--test', 'processor.test.mjs'];
  const { code, stdout } = await runCommand(process.execPath, args, { cwd, env: cleanEnvironment({}) });
  expect(stdout).toContain('answer: 42');
  expect(code).toBe(0);
});

it('a syntax error is named as such, even if tsx runs what Node does not', async () => {
  const cwd = install('enum', ['tsx']);
  writeFileSync(path.join(cwd, 'lib/broken.ts'), 'export const a = = 1;\n');
  writeFileSync(path.join(cwd, 'processor.ts'), "import './lib/answer.ts';\nimport './lib/broken.ts';\n");
  const { code, stdout } = await runOnce(process.execPath, cwd);
  expect(code).toBe(70);
  expect(stdout).toContain('lib/broken.ts');
  expect(stdout).not.toContain('npm install tsx');
});
