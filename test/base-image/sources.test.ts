// Which sources are copied into the image, which never are, and which are built there.
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTree } from '../processor/tree.ts';
import { mustRun } from '../support/command.ts';
import { buildImage, buildTree } from './image.ts';
import { startRegistry, type Registry } from './registry.ts';

let registry: Registry;

/** A stand-in for a compiler: prints its arguments and its caller. */
const compiler = `#!/usr/bin/env node
import { mkdirSync, writeFileSync } from 'node:fs';
mkdirSync('dist', { recursive: true });
writeFileSync('dist/index.js', 'export const built = ' + JSON.stringify(process.argv[2]) + ';');
`;

beforeAll(async () => {
  registry = await startRegistry();
  await registry.publish({ name: 'left', version: '1.0.0' });
  await registry.publish(
    { name: 'tool', version: '1.0.0', type: 'module', bin: { compile: 'compile.js' } },
    { 'compile.js': compiler },
  );
});

afterAll(async () => await registry[Symbol.asyncDispose]());

const manifest = {
  name: 'orders',
  version: '1.0.0',
  type: 'module',
  dependencies: { left: '^1.0.0' },
  devDependencies: { tool: '^1.0.0' },
};

describe('the sources', () => {
  const tree = {
    'services/orders/package.json': manifest,
    'services/orders/processor.ts': 'export {};',
    'services/orders/.env': 'A=1',
    'services/orders/.env.secrets': 'RABBITMQ_PASSWORD=very-secret',
    'services/orders/.env.secrets.example': 'RABBITMQ_PASSWORD=',
    'services/orders/.env.local': 'B=2',
    'services/orders/.svchost/queue.db': 'messages',
    'services/orders/node_modules/left/package.json': { name: 'left', version: '0.0.1' },
    'services/orders/node_modules/stray/package.json': { name: 'stray', version: '0.0.1' },
    'services/other/.env.secrets': 'PASSWORD=very-secret',
    'services/other/dev_packages/x.tgz': '',
    '.git/config': 'secret',
    'shared.json': '{}',
  };
  const args = { SVC_ROOT_DIR: 'services/orders' };

  it('are copied without secrets, repositories and installed packages; the log names all that is left out', async () => {
    const { app, sources } = await buildTree(tree, { registry, args });
    const service = path.join(app, 'services/orders');
    expect(readdirSync(service).sort()).toEqual([
      '.env',
      '.env.secrets.example',
      'node_modules',
      'package.json',
      'processor.ts',
    ]);
    expect(readdirSync(app).sort()).toEqual(['services', 'shared.json']);
    expect(readdirSync(path.join(service, 'node_modules')).sort()).toEqual(['.package-lock.json', 'left']);
    expect(readFileSync(path.join(service, 'node_modules/left/package.json'), 'utf8')).toContain('"1.0.0"');
    expect(/left out of the image: (.*)/.exec(sources)?.[1]?.split(', ')).toEqual([
      '.git',
      'services/orders/.env.local',
      'services/orders/.env.secrets',
      'services/orders/.svchost',
      'services/orders/node_modules',
      'services/other/.env.secrets',
      'services/other/dev_packages',
    ]);
    expect(sources).not.toContain('very-secret');
  });

  it('are readable for every user and writable for none, whatever they were; links stay links', async () => {
    const context = createTree({ 'package.json': manifest, 'lib/a.ts': '', 'bin/run': '#!/bin/sh' });
    chmodSync(path.join(context, 'package.json'), 0o600);
    chmodSync(path.join(context, 'lib'), 0o777);
    chmodSync(path.join(context, 'lib/a.ts'), 0o666);
    chmodSync(path.join(context, 'bin/run'), 0o700);
    symlinkSync('/etc/passwd', path.join(context, 'lib/link'));
    const { app, code } = await buildImage(context, { registry });
    expect(code).toBe(0);
    const mode = (name: string) => (lstatSync(path.join(app, name)).mode & 0o777).toString(8);
    expect(['package.json', 'lib', 'lib/a.ts', 'bin/run'].map(mode)).toEqual(['644', '755', '644', '755']);
    expect(readlinkSync(path.join(app, 'lib/link'))).toBe('/etc/passwd');
    const writable = readdirSync(app, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isSymbolicLink())
      .filter((entry) => lstatSync(path.join(entry.parentPath, entry.name)).mode & 0o022);
    expect(writable).toEqual([]);
  });
});

describe('a build script', () => {
  const library = {
    'common/package.json': {
      name: 'common',
      version: '1.0.0',
      type: 'module',
      exports: './dist/index.js',
      scripts: { build: 'compile library' },
      devDependencies: { tool: '^1.0.0' },
    },
  };
  const tree = {
    ...library,
    'services/orders/package.json': {
      ...manifest,
      dependencies: { common: 'file:../../common', left: '^1.0.0' },
      // Can only run after common has been built.
      scripts: { prebuild: 'node main.js', build: 'compile service' },
    },
    'services/orders/main.js': `import { built } from 'common'; import 'left/package.json' with { type: 'json' }; console.log(built);`,
  };

  it.each([
    ['runs with devDependencies, which are not in the image', 'false'],
    ['runs in place with INSTALL_DEV=true, which keeps them', 'true'],
  ])('%s', async (_, INSTALL_DEV) => {
    const args = { SVC_ROOT_DIR: 'services/orders', INSTALL_DEV };
    const { app, sources } = await buildTree(tree, { registry, args });
    const service = path.join(app, 'services/orders');
    expect(sources).toContain('the dependencies are those of the step before');
    expect(await mustRun(process.execPath, [path.join(service, 'main.js')])).toBe('library\n');
    expect(readFileSync(path.join(service, 'dist/index.js'), 'utf8')).toContain('"service"');
    for (const directory of [service, path.join(app, 'common')]) {
      expect(existsSync(path.join(directory, 'node_modules/tool'))).toBe(INSTALL_DEV === 'true');
    }
  });

  it('that fails stops the build', async () => {
    const broken = { ...manifest, scripts: { build: 'compile && exit 3' } };
    const image = await buildImage(createTree({ 'package.json': broken }), { registry });
    expect(image.code).toBe(1);
    expect(image.sources).toMatch(/svchost image: npm run build in .* failed with 3; see above/);
  });
});

it('install scripts run once the sources are there; scripts for development do not', async () => {
  const scripts = {
    preinstall: 'node note.js preinstall',
    postinstall: 'node note.js postinstall',
    prepare: 'exit 1',
  };
  const note = `require('node:fs').appendFileSync('notes', process.argv[2] + ' ')`;
  const service = { ...manifest, type: 'commonjs', scripts };
  const { app } = await buildTree({ 'package.json': service, 'note.js': note }, { registry });
  expect(readFileSync(path.join(app, 'notes'), 'utf8')).toBe('preinstall postinstall ');
  expect(JSON.parse(readFileSync(path.join(app, 'package.json'), 'utf8'))).toEqual(service);
});
