// Builds that cannot work: each ends with 1 and a line that names the fault and the remedy.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRequest } from '../../base-image/request.ts';
import { createTree, type Tree } from '../processor/tree.ts';
import { runCommand } from '../support/command.ts';
import { buildImage } from './image.ts';
import { startRegistry, type Registry } from './registry.ts';

const install = fileURLToPath(new URL('../../base-image/install.ts', import.meta.url));
let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry();
});

afterAll(async () => await registry[Symbol.asyncDispose]());

async function failBuild(tree: Tree, args: Record<string, string> = {}): Promise<string> {
  const image = await buildImage(createTree(tree), { registry, args });
  expect(image.code).toBe(1);
  const output = image.sources || image.dependencies;
  // One line for people, not a stack trace.
  expect(output).not.toMatch(/^\s+at /m);
  return output;
}

const orders = (dependencies: Record<string, string>) => ({ name: 'orders', version: '1.0.0', dependencies });

describe('a dependency given by a path', () => {
  it('that leaves the context is named, with the remedy', async () => {
    const output = await failBuild({ 'package.json': orders({ host: 'file:../..' }) });
    expect(output).toContain(
      'package.json wants "host" from "file:../..", which leaves the build context. Build with a directory that holds both',
    );
    expect(output).toContain('npm pack --pack-destination dev_packages');
    expect(output).toContain('--build-arg ENVIRONMENT=development');
    expect(output).not.toContain('npm error');
  });

  it.each([
    ['does not exist', {}, 'is not in the build context'],
    ['is not a package', { 'common/readme.md': '' }, 'has no package.json in the build context'],
  ])('that %s is named', async (_, common, reason) => {
    const output = await failBuild(
      { ...common, 'services/orders/package.json': orders({ common: 'file:../../common' }) },
      { SVC_ROOT_DIR: 'services/orders' },
    );
    expect(output).toContain(
      `services/orders/package.json wants "common" from "file:../../common", which ${reason}`,
    );
    expect(output).toContain('--pack-destination services/orders/dev_packages');
  });

  it('to another package is named together with that package', async () => {
    const output = await failBuild(
      {
        'services/orders/package.json': orders({ common: 'file:../../common' }),
        'common/package.json': { name: 'common', version: '1.0.0', dependencies: { base: '../base' } },
      },
      { SVC_ROOT_DIR: 'services/orders' },
    );
    expect(output).toContain(
      'common/package.json wants "base" from "../base", which is not in the build context',
    );
  });

  it.each(['workspace:*', 'link:../common', 'catalog:'])(
    'in the syntax of another package manager (%s)',
    async (wanted) => {
      const output = await failBuild({ 'package.json': orders({ common: wanted }) });
      expect(output).toContain(`package.json: "common": "${wanted}" is not npm's`);
    },
  );
});

it.each([
  ['is not JSON', '{', /app\/package\.json is not JSON: /],
  ['is not an object', '[]', /app\/package\.json is not a JSON object/],
])('a package.json that %s', async (_, text, message) => {
  expect(await failBuild({ 'package.json': text })).toMatch(message);
});

it('a build argument with an invalid value', async () => {
  const tree = { 'package.json': orders({}) };
  expect(await failBuild(tree, { INSTALL_DEV: 'yes' })).toContain(
    'INSTALL_DEV: expected true or false; found "yes"',
  );
});

it.each(['..', '../orders', 'services/../../orders', '/..'])(
  'an SVC_ROOT_DIR that leaves the context (%s)',
  (root) => {
    expect(() => readRequest(['sources'], { SVC_ROOT_DIR: root })).toThrow(
      `SVC_ROOT_DIR=${root} leaves the build context`,
    );
  },
);

it.each([
  ['', '.'],
  ['./services/orders/', 'services/orders'],
  ['/services//orders', 'services/orders'],
])('but not one in a form that COPY allows (%s)', (root, expected) => {
  expect(readRequest(['sources'], { SVC_ROOT_DIR: root }).root).toBe(expected);
});

it.each([
  '//registry.example.com/:_authToken=abc123',
  '//registry.example.com/:_password = "abc123"',
  '_auth=abc123',
])('an .npmrc with a secret in it (%s)', async (line) => {
  const output = await failBuild({ 'package.json': orders({}), '.npmrc': `fund=false\n${line}\n` });
  expect(output).toContain('an .npmrc in the build context holds a secret');
  expect(output).toContain('docker build --secret id=npmrc,src=.npmrc');
  expect(output).not.toContain('abc123');
});

it('an .npmrc with a secret, even if the service does not use it', async () => {
  const tree = { '.npmrc': '_auth=abc123', 'services/orders/package.json': orders({}) };
  const output = await failBuild(tree, { SVC_ROOT_DIR: 'services/orders' });
  expect(output).toContain('an .npmrc in the build context holds a secret (_auth)');
});

it('a package that the registry does not have', async () => {
  const output = await failBuild({ 'package.json': orders({ nowhere: '^1.0.0' }) });
  expect(output).toContain('404');
  expect(output).toMatch(/svchost image: npm install --omit=dev in .* failed with 1; see above/);
});

it('a builder that does not mount the context', async () => {
  const places = ['context', 'app', 'state'].flatMap((place) => [
    `--${place}`,
    path.join(createTree({}), 'none'),
  ]);
  const { code, stderr } = await runCommand(process.execPath, [install, 'sources', ...places]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^svchost image: the build context is not mounted at .*BuildKit \(Docker 23 or later\)/,
  );
});

it('a builder whose next build would use stale sources', async () => {
  const tree = createTree({ 'package.json': orders({}) });
  const container = (id: string) => `engine="buildah-1.28.2"\nid="${id}"\n`;
  const containers = [container('a'), container('b')] as const;
  const stale = await buildImage(tree, { registry, containers });
  expect(stale).toMatchObject({ code: 1 });
  expect(stale.sources).toContain('--build-arg SOURCES_ID=');
  expect(await buildImage(tree, { registry, containers, args: { SOURCES_ID: '1' } })).toMatchObject({
    code: 0,
  });
  const same = [container('a'), container('a')] as const;
  expect(await buildImage(tree, { registry, containers: same })).toMatchObject({ code: 0 });
});
