// A service in a workspace, installed by each package manager itself: it imports the TypeScript of another package there, and
// has tsx installed for what Node alone does not run.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommand } from '../../support/command.ts';
import { addFiles } from '../tree.ts';

const root = path.resolve(import.meta.dirname, '../../..');

/** Commands that run in the workspace, and in the service. */
interface Manager {
  readonly install: readonly string[];
  readonly svchost: readonly string[];
  /** How a package names another of its workspace. */
  readonly version: string;
}

const pnpm = ['npx', '--yes', 'pnpm@12.21.0'];
const yarn = ['npx', '--yes', '--package=@yarnpkg/cli-dist@4.18.1', 'yarn'];

const managers: Readonly<Record<string, Manager>> = {
  npm: { install: ['npm', 'install', '--ignore-scripts'], svchost: ['npx', 'svchost'], version: '*' },
  pnpm: {
    install: [...pnpm, 'install', '--ignore-scripts', '--config.strict-dep-builds=false'],
    svchost: [...pnpm, 'exec', 'svchost'],
    version: 'workspace:*',
  },
  "yarn with Plug'n'Play": {
    install: [...yarn, 'install', '--mode=skip-build', '--no-immutable'],
    svchost: [...yarn, 'svchost'],
    version: 'workspace:*',
  },
};

let folder: string;
let tarball: string;
/** Those of the registry, if npm is configured to have its own: the other package managers do not read its files. */
let certificates: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'svchost-workspace-')));
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await runCommand('npm', args, { cwd: root });
  const [{ filename }] = JSON.parse(stdout) as [{ readonly filename: string }];
  tarball = path.join(folder, filename);
  const { stdout: cafile } = await runCommand('npm', ['config', 'get', 'cafile'], { cwd: root });
  const file = cafile.trim();
  certificates =
    file === 'null' ? {} : { NODE_EXTRA_CA_CERTS: file, SSL_CERT_FILE: file, npm_config_cafile: file };
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each(Object.entries(managers))(
  'a service in a workspace of %s loads the sources of the other packages',
  async (_name, { install, svchost, version }) => {
    const workspace = mkdtempSync(path.join(folder, 'workspace-'));
    addFiles(workspace, {
      'package.json': { name: 'shop', private: true, workspaces: ['services/*', 'packages/*'] },
      'pnpm-workspace.yaml': 'packages: [services/*, packages/*]\n',
      'yarn.lock': '',
      'packages/common/package.json': {
        name: 'common',
        version: '1.0.0',
        type: 'module',
        exports: './src/index.ts',
      },
      'packages/common/src/index.ts': "export { answer } from './answer.js';\n",
      'packages/common/src/answer.ts':
        'enum Answer {\n  Final = 42,\n}\nexport const answer = Answer.Final;\n',
      'services/mail/package.json': {
        name: 'mail',
        version: '1.0.0',
        type: 'module',
        dependencies: { common: version, 'rococo-svchost': `file:${tarball}`, tsx: '4.23.15' },
      },
      'services/mail/processor.ts': [
        "import { answer } from 'common';",
        "import { BaseServiceProcessor } from 'rococo-svchost';",
        'export class MailServiceProcessor extends BaseServiceProcessor {',
        '  override process(): void {',
        '    console.log(`answer: ${answer}`);',
        '  }',
        '}',
      ].join('\n'),
    });
    const run = async ([file = '', ...args]: readonly string[], cwd: string) =>
      await runCommand(file, args, {
        cwd,
        timeoutMs: 180_000,
        env: {
          ...withoutNpm(process.env),
          ...certificates,
          EXECUTION_TYPE: 'CRON',
          CRON_TIME_AMOUNT: '1',
          CRON_TIME_UNIT: 'days',
        },
      });
    const installed = await run(install, workspace);
    expect(installed, installed.stdout + installed.stderr).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = await run(
      [...svchost, 'run', '--once'],
      path.join(workspace, 'services/mail'),
    );
    expect(stdout + stderr).toContain('answer: 42');
    expect(code).toBe(0);
    expect(stdout).toContain('tsx 4.23.15, because of an enum (../../packages/common/src/answer.ts:1)');
  },
  240_000,
);

/** Without what npm passes to the scripts that it runs, such as this test, except where it finds packages. */
function withoutNpm(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = /^npm_config_(registry|cafile|globalconfig|userconfig|prefix)$/;
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('npm_') || kept.test(name)),
  );
}
