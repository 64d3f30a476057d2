// Knows which package manager a service is installed by, and how a missing package is installed with it.
import { existsSync, readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Each package manager: the file at the root of what it installs, and its commands. */
const managers = [
  { lockfile: 'pnpm-lock.yaml', install: 'pnpm install', add: 'pnpm add' },
  { lockfile: 'yarn.lock', install: 'yarn install', add: 'yarn add' },
  { lockfile: 'bun.lock', install: 'bun install', add: 'bun add' },
  { lockfile: 'package-lock.json', install: 'npm install', add: 'npm install' },
] as const;

/**
 * The command that installs a package that a file imports, and where to run it: in the root of the workspace if its package
 * declares the package, otherwise in its package, to declare it.
 */
export function describeInstall(name: string, file: string): string {
  const manifest = findPackageJSON(pathToFileURL(file)) ?? path.join(path.dirname(file), 'package.json');
  const directory = path.dirname(manifest);
  const { root, manager } = rootOf(directory);
  return declares(manifest, name)
    ? `run ${manager.install} in ${root}`
    : `run ${manager.add} ${name} in ${directory}`;
}

/** Whether the package of a file declares another for development only: an image has not installed it. */
export function isForDevelopment(name: string, file: string): boolean {
  const manifest = findPackageJSON(pathToFileURL(file));
  return manifest !== undefined && declares(manifest, name, ['devDependencies']);
}

/** The directory that a package manager has installed, and which one it was; npm and the package itself by default. */
function rootOf(directory: string) {
  for (let root = directory; root !== path.dirname(root); root = path.dirname(root)) {
    const manager = managers.find(({ lockfile }) => existsSync(path.join(root, lockfile)));
    if (manager) return { root, manager };
  }
  return { root: directory, manager: managers[3] };
}

function declares(
  manifest: string,
  name: string,
  kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'],
): boolean {
  try {
    const read = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, object | undefined>;
    return kinds.some((kind) => name in (read[kind] ?? {}));
  } catch {
    return false;
  }
}
