// Stands in for `npm install` without a registry: links the packages that a package.json names from this repository.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/**
 * Links exactly the packages that the directory's package.json names, so that a page which forgets one fails. Packages
 * named by a path are linked from that path.
 *
 * @param root the repository
 * @throws Error this repository has not installed one of them
 */
export function install(directory: string, root: string): void {
  const manifest = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8')) as Manifest;
  const modules = path.join(directory, 'node_modules');
  rmSync(modules, { recursive: true, force: true });
  mkdirSync(path.join(modules, '.bin'), { recursive: true });
  for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    const isOwn = name === 'rococo-svchost';
    const source = isOwn
      ? root
      : range.startsWith('file:')
        ? path.resolve(directory, range.slice('file:'.length))
        : path.join(root, 'node_modules', name);
    if (!existsSync(source))
      throw new Error(`package.json names ${name}, which this repository has not installed`);
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(source, path.join(modules, name));
    if (isOwn) symlinkSync('../rococo-svchost/dist/bin.js', path.join(modules, '.bin/svchost'));
  }
}
