// The packages that are installed for a service, their places, and the step that installs them; with npm and a
// registry.
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTree } from '../processor/tree.ts';
import { mustRun } from '../support/command.ts';
import { buildImage, buildTree, environment } from './image.ts';
import { startRegistry, type Registry } from './registry.ts';

let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry();
  await registry.publish({ name: 'left', version: '1.0.0' });
  await registry.publish({ name: 'left', version: '1.1.0' });
  await registry.publish({ name: 'right', version: '1.0.0' });
  await registry.publish({ name: 'tool', version: '1.0.0' });
});

afterAll(async () => await registry[Symbol.asyncDispose]());

const service = {
  name: 'orders',
  version: '1.0.0',
  type: 'module',
  dependencies: { left: '^1.0.0' },
  devDependencies: { tool: '^1.0.0' },
};

const earlier = 'the dependencies are those of the step before';
const later = 'the dependencies are installed with the sources';

/** The version of a package that is installed; undefined for none. */
function installed(directory: string, name: string): unknown {
  const file = path.join(directory, 'node_modules', name, 'package.json');
  return existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
    : undefined;
}

/** Writes the lockfile of a context's folder, then downgrades it to the version before the newest. */
async function lock(directory: string): Promise<void> {
  await mustRun('npm', ['install', '--package-lock-only', '--include=dev', '--no-audit'], {
    cwd: directory,
    env: environment(registry),
  });
  const file = path.join(directory, 'package-lock.json');
  const packages = (await (await fetch(`${registry.url}left`)).json()) as {
    versions: Record<string, { dist: { integrity: string } }>;
  };
  const integrity = (version: string) => packages.versions[version]!.dist.integrity;
  const text = readFileSync(file, 'utf8')
    .replaceAll(integrity('1.1.0'), integrity('1.0.0'))
    .replaceAll('left-1.1.0.tgz', 'left-1.0.0.tgz')
    .replace(/("node_modules\/left": \{\s*"version": )"1\.1\.0"/, '$1"1.0.0"');
  writeFileSync(file, text);
}

describe('a service by itself', () => {
  it('installs the newest matching versions without a lockfile, production only, in the first step', async () => {
    const image = await buildTree({ 'package.json': service, 'processor.ts': '' }, { registry });
    expect(installed(image.app, 'left')).toBe('1.1.0');
    expect(installed(image.app, 'tool')).toBeUndefined();
    expect(image.sources).toContain(earlier);
    expect(image.requests[1]).toBe(0);
    expect(existsSync(path.join(image.app, 'package-lock.json'))).toBe(false);
  });

  it('installs the versions of its lockfile', async () => {
    const context = createTree({ 'package.json': service, 'processor.ts': '' });
    await lock(context);
    const image = await buildImage(context, { registry });
    expect(image.dependencies).toContain('npm ci --omit=dev');
    expect(installed(image.app, 'left')).toBe('1.0.0');
    expect(installed(image.app, 'tool')).toBeUndefined();
    expect(image.sources).toContain(earlier);
    expect(image).toMatchObject({ code: 0, requests: [expect.any(Number), 0] });
  });

  it('also installs devDependencies with INSTALL_DEV=true', async () => {
    const context = createTree({ 'package.json': service });
    await lock(context);
    const image = await buildImage(context, { registry, args: { INSTALL_DEV: 'true' } });
    expect([installed(image.app, 'left'), installed(image.app, 'tool')]).toEqual(['1.0.0', '1.0.0']);
    expect(image.sources).toContain(earlier);
  });

  it('is not built if its lockfile contradicts its package.json', async () => {
    const context = createTree({ 'package.json': service });
    await lock(context);
    writeFileSync(
      path.join(context, 'package.json'),
      JSON.stringify({ ...service, dependencies: { left: '^1.0.0', right: '^1.0.0' } }),
    );
    const image = await buildImage(context, { registry });
    expect(image.code).toBe(1);
    expect(image.dependencies).toMatch(/svchost image: npm ci --omit=dev in .* failed with 1; see above/);
  });
});

describe('a service beside common', () => {
  const tree = {
    'services/orders/package.json': {
      ...service,
      dependencies: { common: 'file:../../common', left: '^1.0.0' },
    },
    'services/orders/main.ts': `import { greet } from 'common'; const name: string = 'orders'; console.log(greet(name));`,
    'common/package.json': {
      name: 'common',
      version: '1.0.0',
      type: 'module',
      exports: './index.ts',
      dependencies: { right: '^1.0.0' },
      devDependencies: { tool: '^1.0.0' },
    },
    'common/index.ts': `import 'right/package.json' with { type: 'json' }; export const greet = (name: string): string => 'hello ' + name;`,
  };
  const args = { SVC_ROOT_DIR: 'services/orders' };

  it('runs its TypeScript, with its own dependencies, all from the first step', async () => {
    const { app, sources, requests } = await buildTree(tree, { registry, args });
    expect(installed(path.join(app, 'common'), 'right')).toBe('1.0.0');
    expect(installed(path.join(app, 'common'), 'tool')).toBeUndefined();
    expect(sources).toContain(earlier);
    expect(requests[1]).toBe(0);
    const main = path.join(app, 'services/orders/main.ts');
    expect(await mustRun(process.execPath, [main])).toBe('hello orders\n');
  });

  it('installs a package from elsewhere in the context with the sources', async () => {
    const { 'common/package.json': manifest, 'common/index.ts': module, ...others } = tree;
    const moved = {
      ...others,
      'libs/shared/package.json': manifest,
      'libs/shared/index.ts': module,
      'services/orders/package.json': { ...service, dependencies: { common: 'file:../../libs/shared' } },
    };
    const { app, dependencies, sources } = await buildTree(moved, { registry, args });
    expect(dependencies).toContain(`${later}: "common" is "file:../../libs/shared"`);
    expect(sources).not.toContain(earlier);
    const main = path.join(app, 'services/orders/main.ts');
    expect(await mustRun(process.execPath, [main])).toBe('hello orders\n');
  });

  it('is installed with the npm settings beside the package.jsons, which stay out of the image', async () => {
    const npmrc = {
      'services/orders/.npmrc': 'legacy-peer-deps=true\n',
      'common/.npmrc': 'loglevel=verbose\n',
    };
    const { app, dependencies, sources } = await buildTree({ ...tree, ...npmrc }, { registry, args });
    expect(dependencies).toContain('npm verbose');
    expect(sources).toContain(earlier);
    expect(sources).toContain('left out of the image: common/.npmrc, services/orders/.npmrc');
    expect(Object.keys(npmrc).filter((file) => existsSync(path.join(app, file)))).toEqual([]);
  });
});

describe('a workspace', () => {
  const tree = {
    'package.json': {
      name: 'root',
      private: true,
      workspaces: ['services/*', 'packages/*', '!services/old'],
    },
    'services/orders/package.json': { ...service, dependencies: { left: '^1.0.0', shared: '1.0.0' } },
    'services/orders/main.ts': `import { name } from 'shared'; console.log(name);`,
    'services/other/package.json': { name: 'other', version: '1.0.0', dependencies: { right: '^1.0.0' } },
    'services/old/package.json': { ...service, name: 'old', dependencies: { right: '^1.0.0' } },
    'packages/shared/package.json': {
      name: 'shared',
      version: '1.0.0',
      type: 'module',
      exports: './index.ts',
      dependencies: { left: '^1.0.0' },
    },
    'packages/shared/index.ts': `export const name: string = 'shared';`,
  };
  const args = { SVC_ROOT_DIR: 'services/orders' };

  it("installs the versions of the root's lockfile, without those of other workspaces, in the first step", async () => {
    const context = createTree(tree);
    await lock(context);
    const { app, dependencies, sources, requests } = await buildImage(context, { registry, args });
    expect(dependencies).toContain('npm ci --omit=dev --workspace services/orders');
    expect(sources).toContain(earlier);
    expect(requests[1]).toBe(0);
    expect([installed(app, 'left'), installed(app, 'right'), installed(app, 'tool')]).toEqual([
      '1.0.0',
      undefined,
      undefined,
    ]);
    expect(realpathSync(path.join(app, 'node_modules/shared'))).toBe(path.join(app, 'packages/shared'));
    expect(await mustRun(process.execPath, [path.join(app, 'services/orders/main.ts')])).toBe('shared\n');
  });

  it('without a lockfile is still installed, with the sources', async () => {
    const { app } = await buildTree(tree, { registry, args });
    expect(installed(app, 'left')).toBe('1.1.0');
    expect(installed(app, 'right')).toBeUndefined();
    expect(await mustRun(process.execPath, [path.join(app, 'services/orders/main.ts')])).toBe('shared\n');
  });

  it('is ignored by a service that has its own lockfile or is not part of it', async () => {
    const own = createTree({ ...tree, 'services/orders/package.json': service });
    const directory = path.join(own, 'services/orders');
    const manifest = readFileSync(path.join(own, 'package.json'), 'utf8');
    // npm would write the lockfile at the root.
    writeFileSync(path.join(own, 'package.json'), '{}');
    await lock(directory);
    writeFileSync(path.join(own, 'package.json'), manifest);
    const image = await buildImage(own, { registry, args });
    expect(image.dependencies).toContain('npm ci --omit=dev --workspaces=false');
    expect(installed(path.join(image.app, 'services/orders'), 'left')).toBe('1.0.0');
    const old = await buildTree(tree, { registry, args: { SVC_ROOT_DIR: 'services/old' } });
    expect(installed(path.join(old.app, 'services/old'), 'right')).toBe('1.0.0');
    expect(readdirSync(old.app)).not.toContain('node_modules');
  });
});
