// `svchost new`: each kind of service works as generated, and is ready to be developed.
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesOf, type ServiceKind, type ServiceLanguage } from '../../src/commands/new/blueprint.ts';
import { startServer } from '../messaging/sqs/server.ts';
import { addFiles, createTree, linkPackage } from '../processor/tree.ts';
import { runCommand } from '../support/command.ts';
import { runCli, startHost } from '../support/host-process.ts';

const root = path.resolve(import.meta.dirname, '../..');
const tool = (name: string) => path.join(root, 'node_modules', name);

interface Manifest {
  readonly version: string;
  readonly engines: Record<string, string>;
  readonly scripts: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

const readManifest = (directory: string) =>
  JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8')) as Manifest;

/** The files below a directory, without installed packages. */
function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(path.join(directory, file)).isFile())
    .sort();
}

/** Does the work of `npm install`, without a registry. */
function install(directory: string): void {
  linkPackage(directory);
  symlinkSync(tool('@types'), path.join(directory, 'node_modules/@types'));
}

const kinds: [kind: ServiceKind, language: ServiceLanguage, flags: string[]][] = [
  ['queue', 'ts', []],
  ['sqs', 'ts', ['--sqs']],
  ['cron', 'ts', ['--cron']],
  ['queue', 'js', ['--js']],
  ['sqs', 'js', ['--js', '--sqs']],
  ['cron', 'js', ['--js', '--cron']],
];

const firstSteps = {
  queue: [`npx svchost send '{"id": 1}'`, 'npx svchost'],
  sqs: [
    'npx fauxqs    # a local server that speaks SQS; the rest in a second terminal',
    `npx svchost send '{"id": 1}'`,
    'npx svchost',
  ],
  cron: ['npx svchost run --once', 'npx svchost'],
};

describe.each(kinds)('a service of kind %s in %s', (kind, language, flags) => {
  let parent: string;
  let cwd: string;
  let stdout: string;
  let files: string[];

  beforeAll(async () => {
    parent = realpathSync(mkdtempSync(path.join(tmpdir(), 'svchost-new-')));
    const created = await runCli(['new', 'services/order-service', ...flags], { cwd: parent });
    expect(created).toMatchObject({ code: 0, stderr: '' });
    stdout = created.stdout;
    cwd = path.join(parent, 'services/order-service');
    files = filesIn(cwd);
  });

  afterAll(() => rmSync(parent, { recursive: true, force: true }));

  it('has the files of a service, and no template names in them', () => {
    const secrets = ['.env.secrets', '.env.secrets.example', '.vscode/finish.env'];
    expect(files).toEqual(
      [
        ...[
          '.dockerignore',
          '.env',
          '.env.example',
          '.gitignore',
          '.prettierrc',
          '.vscode/launch.json',
          'Dockerfile',
          'README.md',
        ],
        ...[`lib/handler.${language}`, 'package.json', `processor.${language}`, `processor.test.${language}`],
        `${language}config.json`,
        ...(kind === 'cron' ? [] : secrets),
      ].sort(),
    );
    for (const file of files) {
      const text = readFileSync(path.join(cwd, file), 'utf8');
      expect(text, file).not.toMatch(/my.?(service|queue)|0\.0\.0/i);
      expect(text, file).not.toMatch(language === 'js' ? /\.ts\b/ : /\.js\b/);
      expect(text.split('\n').at(-1), file).toBe('');
    }
  });

  it('ends with the next steps', () => {
    const steps = ['cd services/order-service && npm install', ...firstSteps[kind]];
    expect(stdout).toBe(
      `created order-service, with ${files.length} files. Next:\n\n${steps.map((step) => `  ${step}\n`).join('')}`,
    );
    const readme = readFileSync(path.join(cwd, 'README.md'), 'utf8');
    for (const command of steps.flatMap((step) => step.match(/np[mx] (?:svchost.*|install|fauxqs)/g) ?? []))
      expect(readme).toContain(`\n${command}\n`);
  });

  it('depends on this version, and on the tool versions that svchost is checked with', () => {
    const [own, { engines, scripts, dependencies, devDependencies }] = [
      readManifest(root),
      readManifest(cwd),
    ];
    expect(engines).toEqual(own.engines);
    expect(dependencies).toEqual({ 'rococo-svchost': `^${own.version}` });
    expect(scripts).toMatchObject({
      start: 'svchost',
      dev: 'svchost dev',
      check: 'svchost check',
      test: 'node --test',
    });
    const types = `^${own.engines['node']!.replace('>=', '')}.0`;
    const compiler = { typescript: `^${own.devDependencies['typescript']!}` };
    expect(devDependencies).toEqual({ '@types/node': types, ...(language === 'ts' && compiler) });
  });

  describe('once it is installed', () => {
    beforeAll(() => install(cwd));

    it('passes its own tests', async () => {
      const { code, stdout } = await runCommand(process.execPath, ['--test'], { cwd });
      expect(stdout).toMatch(/\bpass 2\n/);
      expect(code).toBe(0);
    });

    it('has tests that fail if its handler does nothing', async () => {
      const copy = createTree({});
      for (const file of files) addFiles(copy, { [file]: readFileSync(path.join(cwd, file), 'utf8') });
      install(copy);
      const name = kind === 'cron' ? 'handleTask' : 'handleMessage';
      addFiles(copy, { [`lib/handler.${language}`]: `export const ${name} = () => {};` });
      const { code, stdout } = await runCommand(process.execPath, ['--test'], { cwd: copy });
      expect(stdout).toMatch(/\bfail 1\n/);
      expect(code).toBe(1);
    });

    it('has types that its own strict settings accept', async () => {
      const args = [tool('typescript/bin/tsc'), '--project', `${language}config.json`];
      expect(await runCommand(process.execPath, args, { cwd })).toMatchObject({ code: 0, stdout: '' });
    });

    it('is formatted by the defaults of prettier', async () => {
      const args = [tool('prettier/bin/prettier.cjs'), '--check', '.'];
      const { code, stdout, stderr } = await runCommand(process.execPath, args, { cwd });
      expect(stderr).toBe('');
      expect(stdout).toContain('All matched files use Prettier code style!');
      expect(code).toBe(0);
    });

    it('passes svchost check', async () => {
      const { code, stdout } = await runCli(['check'], { cwd });
      expect(stdout).toContain(`\nprocessor       OrderServiceProcessor of processor.${language}\n`);
      if (kind !== 'cron') expect(stdout).toContain('\nqueue           order_service\n');
      expect(code).toBe(0);
    });

    it('can be started and tested from the editor', async () => {
      for (const { program, runtimeArgs = [], env } of readConfigurations(cwd)) {
        const file = env?.['CONSUME_CONFIG_FILE_PATH'];
        if (file !== undefined) expect(statSync(inside(cwd, file)).isFile()).toBe(true);
        const args = program === undefined ? [...runtimeArgs, 'check'] : [inside(cwd, program)];
        const { code, stdout } = await runCommand(process.execPath, args, { cwd });
        expect(stdout).toMatch(/^(ok|.*\bpass 2)$/m);
        expect(code).toBe(0);
      }
    });

    if (kind === 'cron') {
      it('does its task once', async () => {
        const { code, stdout } = await runCli(['run', '--once'], { cwd });
        expect(stdout).toContain('The task has run!');
        expect(code).toBe(0);
      });
    } else {
      it('processes the message that is sent to it', async () => {
        await using server = kind === 'sqs' ? await localSqs() : undefined;
        const env: Record<string, string> = server ? { AWS_ENDPOINT_URL_SQS: server.address } : {};
        const sent = await runCli(['send', '{"id": 1}'], { cwd, env });
        expect(sent).toMatchObject({ code: 0, stdout: 'sent 1 message to order_service\n' });
        const host = startHost({ cwd, env });
        expect(await host.waitForLine('Received a message!')).toMatchObject({ name: 'order-service', id: 1 });
        host.signal('SIGTERM');
        expect(await host.exited).toEqual({ code: 0, signal: null });
      });
    }
  });
});

/** A launch configuration that starts a process; the others attach to one. */
interface Launch {
  readonly request: 'launch' | 'attach';
  readonly program?: string;
  readonly runtimeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function readConfigurations(directory: string): Launch[] {
  const text = readFileSync(path.join(directory, '.vscode/launch.json'), 'utf8');
  const { configurations } = JSON.parse(text) as { configurations: Launch[] };
  return configurations.filter(({ request }) => request === 'launch');
}

/** A path in a launch configuration, as the editor reads it. */
function inside(directory: string, text: string): string {
  return text.replace('${workspaceFolder}', directory);
}

/** In place of `npx fauxqs`, on a free port. */
async function localSqs() {
  const server = await startServer();
  return { address: server.address, [Symbol.asyncDispose]: async () => await server.stop() };
}

it('uses every template', () => {
  const used = kinds.flatMap(([kind, language]) => Object.values(filesOf({ kind, language })));
  expect([...new Set(used)].sort()).toEqual(filesIn(path.join(root, 'src/commands/new/template')));
});

describe('the directory', () => {
  it.each([
    ['.', 'order-service', 'npm install'],
    ['./', 'order-service', 'npm install'],
    ['../mail', 'mail', 'cd ../mail && npm install'],
    ['a/b/', 'b', 'cd a/b && npm install'],
    ["Jane's services/mail", 'mail', `cd 'Jane'\\''s services/mail' && npm install`],
  ])('%s is made into the service %s', async (directory, name, step) => {
    const tree = createTree({ 'order-service/.svchost-test': '' });
    const cwd = path.join(tree, 'order-service');
    rmSync(path.join(cwd, '.svchost-test'));
    const { code, stdout } = await runCli(['new', directory], { cwd });
    expect(code).toBe(0);
    expect(stdout.split('\n')[2]).toBe(`  ${step}`);
    expect(readManifest(path.resolve(cwd, directory))).toMatchObject({ name });
  });

  it('may be absolute', async () => {
    const tree = createTree({});
    expect(await runCli(['new', path.join(tree, 'mail')], { cwd: '/' })).toMatchObject({ code: 0 });
    expect(readManifest(path.join(tree, 'mail'))).toMatchObject({ name: 'mail' });
  });

  it.each([
    ['orders', ' is not empty, so nothing was written; choose another directory'],
    ['orders/readme', 'cannot create '],
    ['', 'the name is empty: give one, such as orders'],
    ['  ', 'the name is empty: give one, such as orders'],
    ['Mail', '"Mail" cannot name a service: '],
    ['@acme/mail', '"@acme/mail" is a package\'s name with a scope'],
    ['/', '"" cannot name a service: '],
  ])('%j is refused, and nothing is written', async (directory, message) => {
    const cwd = createTree({ 'orders/readme': 'mine' });
    const { code, stdout, stderr } = await runCli(['new', directory], { cwd });
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain(message);
    expect(filesIn(cwd)).toEqual(['orders/readme']);
    expect(readdirSync(cwd)).toEqual(['orders']);
  });
});
