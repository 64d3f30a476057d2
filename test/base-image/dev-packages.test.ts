// Packages in dev_packages: which of them replace a dependency, when, and what the log reports.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTree, type Tree } from '../processor/tree.ts';
import { mustRun } from '../support/command.ts';
import { buildImage, environment, type BuiltImage } from './image.ts';
import { packPackage, startRegistry, type Registry } from './registry.ts';

let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry();
  await registry.publish({ name: 'left', version: '1.0.0' });
  await registry.publish({ name: 'right', version: '1.0.0' });
});

afterAll(async () => await registry[Symbol.asyncDispose]());

const manifest = {
  name: 'orders',
  version: '1.0.0',
  type: 'module',
  dependencies: { left: '^1.0.0', right: '^1.0.0' },
};

/** A context with tarballs in the service's dev_packages, each given as `name@version`. */
async function createContext(tree: Tree, tarballs: readonly string[], service = '.'): Promise<string> {
  const context = createTree(tree);
  const folder = path.join(context, service, 'dev_packages');
  mkdirSync(folder, { recursive: true });
  for (const text of tarballs) {
    const at = text.lastIndexOf('@');
    const [name, version] = [text.slice(0, at), text.slice(at + 1)];
    await packPackage({ name, version, type: 'module', exports: './index.js' }, { 'index.js': '' }, folder);
  }
  return context;
}

function versionOf({ app }: BuiltImage, name: string): unknown {
  const file = path.join(app, 'node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function dependenciesOf({ app }: BuiltImage): unknown {
  return (JSON.parse(readFileSync(path.join(app, 'package.json'), 'utf8')) as typeof manifest).dependencies;
}

describe.each(['local', 'development'])('with ENVIRONMENT=%s', (ENVIRONMENT) => {
  it('the newest version replaces the dependency, and the log says so', async () => {
    const context = await createContext({ 'package.json': manifest }, [
      'left@1.9.0',
      'left@2.0.0-rc.2',
      'left@2.0.0-rc.10',
      'left@1.10.0',
    ]);
    const image = await buildImage(context, { registry, args: { ENVIRONMENT } });
    expect(image.code).toBe(0);
    expect([versionOf(image, 'left'), versionOf(image, 'right')]).toEqual(['2.0.0-rc.10', '1.0.0']);
    for (const output of [image.dependencies, image.sources]) {
      expect(output).toContain('"left": "file:dev_packages/left-2.0.0-rc.10.tgz"');
      expect(output).toContain(
        'replaced left "^1.0.0" by 2.0.0-rc.10 (dev_packages/left-2.0.0-rc.10.tgz); also there:',
      );
    }
    expect(image.sources).toContain('the dependencies are those of the step before');
    expect(dependenciesOf(image)).toEqual({
      left: 'file:dev_packages/left-2.0.0-rc.10.tgz',
      right: '^1.0.0',
    });
    expect(existsSync(path.join(image.app, 'dev_packages'))).toBe(false);
  });
});

describe('with ENVIRONMENT=development', () => {
  const args = { ENVIRONMENT: 'development' };

  it('a lockfile still decides about all other dependencies', async () => {
    const context = await createContext({ 'package.json': manifest }, ['left@3.0.0']);
    const options = { cwd: context, env: environment(registry) };
    await mustRun('npm', ['install', '--package-lock-only', '--no-audit'], options);
    await registry.publish({ name: 'right', version: '1.5.0' });
    const image = await buildImage(context, { registry, args });
    expect([versionOf(image, 'left'), versionOf(image, 'right')]).toEqual(['3.0.0', '1.0.0']);
    expect(image.sources).toContain('the dependencies are those of the step before');
  });

  it('a scoped package is recognized by the name in its package.json, whatever its file is called', async () => {
    const wanted = { ...manifest, dependencies: { '@acme/left': '^1.0.0', left: '1.0.0' } };
    const context = await createContext({ 'package.json': wanted }, ['@acme/left@1.2.3']);
    const image = await buildImage(context, { registry, args });
    expect(versionOf(image, '@acme/left')).toBe('1.2.3');
    expect(dependenciesOf(image)).toMatchObject({
      '@acme/left': 'file:dev_packages/acme-left-1.2.3.tgz',
      left: '1.0.0',
    });
  });

  it('a dependency given by a path that is not in the image is replaced', async () => {
    const wanted = { ...manifest, dependencies: { left: 'file:../..' } };
    const context = await createContext({ 'package.json': wanted }, ['left@1.0.0']);
    const image = await buildImage(context, { registry, args });
    expect(image).toMatchObject({ code: 0, requests: [0, 0] });
    expect(image.sources).toContain('replaced left "file:../.." by 1.0.0 (dev_packages/left-1.0.0.tgz)');
  });

  it('a folder counts, runs as TypeScript, and brings its own dependencies but not its node_modules', async () => {
    const folder = (name: string, version: string) => ({
      [`dev_packages/${name}/package.json`]: {
        name,
        version,
        type: 'module',
        exports: './index.ts',
        dependencies: { right: '^1.0.0' },
      },
      [`dev_packages/${name}/index.ts`]: `import 'right/package.json' with { type: 'json' }; export const name: string = '${name} ${version}';`,
      [`dev_packages/${name}/node_modules/right/package.json`]: { name: 'right', version: '0.0.1' },
    });
    const wanted = { ...manifest, dependencies: { left: '^1.0.0', '@acme/top': '^1.0.0' } };
    const context = await createContext(
      {
        'package.json': wanted,
        'main.ts': `import { name } from 'left'; import { name as top } from '@acme/top'; console.log(name, top);`,
        ...folder('left', '2.0.0'),
        ...folder('@acme/top', '1.0.1'),
        ...folder('stray', '1.0.0'),
      },
      ['left@2.0.0', 'left@1.0.0'],
    );
    const image = await buildImage(context, { registry, args });
    expect(image.sources).toContain('replaced left "^1.0.0" by 2.0.0 (dev_packages/left); also there:');
    expect(image.sources).toContain('the dependencies are those of the step before');
    const output = await mustRun(process.execPath, [path.join(image.app, 'main.ts')]);
    expect(output).toBe('left 2.0.0 @acme/top 1.0.1\n');
    const left = ['left-2.0.0.tgz', 'stray', 'left/node_modules', '@acme/top/package.json'];
    expect(left.filter((name) => existsSync(path.join(image.app, 'dev_packages', name)))).toEqual([
      '@acme/top/package.json',
    ]);
  });

  it('a package that is not a dependency is ignored, and the log says so', async () => {
    const context = await createContext({ 'package.json': manifest }, ['other@1.0.0']);
    const image = await buildImage(context, { registry, args });
    expect(image.sources).toContain(
      'dev_packages/other-1.0.0.tgz is left alone: other 1.0.0 is no dependency of the service',
    );
    expect(dependenciesOf(image)).toEqual(manifest.dependencies);
  });

  it('works in a workspace', async () => {
    const context = await createContext(
      {
        'package.json': { name: 'root', private: true, workspaces: ['services/*'] },
        'services/orders/package.json': manifest,
      },
      ['left@4.0.0'],
      'services/orders',
    );
    const options = { cwd: context, env: environment(registry) };
    await mustRun('npm', ['install', '--package-lock-only', '--no-audit'], options);
    const image = await buildImage(context, { registry, args: { ...args, SVC_ROOT_DIR: 'services/orders' } });
    expect(image.code).toBe(0);
    expect(versionOf(image, 'left')).toBe('4.0.0');
    expect(image.sources).toContain('the dependencies are those of the step before');
  });

  it.each([
    ['is not a tarball', Buffer.from('nothing'), /broken\.tgz is not a package .*npm pack/],
    [
      'has no package.json',
      gzipSync(Buffer.alloc(1024)),
      /broken\.tgz has no package\.json in it; .*npm pack/,
    ],
  ])('a file that %s stops the build', async (_, bytes, message) => {
    const context = await createContext({ 'package.json': manifest }, []);
    writeFileSync(path.join(context, 'dev_packages/broken.tgz'), bytes);
    const image = await buildImage(context, { registry, args });
    expect(image.code).toBe(1);
    expect(image.dependencies).toMatch(message);
  });

  it.each([
    ['no name', { version: '1.0.0' }, 'its package.json has no "name"'],
    ['no version', { name: 'left' }, 'the "version" in its package.json is missing'],
    ['an invalid version', { name: 'left', version: 'next' }, 'not one such as 1.2.3'],
  ])('a folder with %s stops the build', async (_, wrong, message) => {
    const tree = { 'package.json': manifest, 'dev_packages/wrong/package.json': wrong };
    const image = await buildImage(createTree(tree), { registry, args });
    expect(image.code).toBe(1);
    expect(image.dependencies).toMatch(/dev_packages\/wrong: /);
    expect(image.dependencies).toContain(message);
  });
});

describe.each(['production', 'staging', 'test', 'Development', 'pre-prod'])(
  'with ENVIRONMENT=%s',
  (ENVIRONMENT) => {
    it('dev_packages is ignored, and stays out of the image', async () => {
      const context = await createContext({ 'package.json': manifest }, ['left@9.0.0']);
      const image = await buildImage(context, { registry, args: { ENVIRONMENT } });
      expect(image.code).toBe(0);
      expect(versionOf(image, 'left')).toBe('1.0.0');
      expect(image.sources).toContain(
        `dev_packages is left alone: ENVIRONMENT is ${ENVIRONMENT}, not local or development`,
      );
      expect(dependenciesOf(image)).toEqual(manifest.dependencies);
      expect(existsSync(path.join(image.app, 'dev_packages'))).toBe(false);
    });
  },
);
