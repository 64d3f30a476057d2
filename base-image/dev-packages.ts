// dev_packages: packages beside the service that replace its dependencies while it is developed. Finds them and their
// replacements; development.ts applies them.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { BuildFault } from './fault.ts';
import { dependencyFields, parseManifest, readManifest, type Manifest } from './manifest.ts';
import { readPackedManifest } from './tarball.ts';
import { compareVersions, isVersion } from './version.ts';

/** The folder's name, in the service directory. */
export const folderName = 'dev_packages';

/** Values of ENVIRONMENT with which dev_packages is used. */
const environments = ['local', 'development'];

export function usesDevPackages(environment: string): boolean {
  return environments.includes(environment);
}

/** One package in dev_packages. */
export interface DevPackage {
  readonly name: string;
  readonly version: string;
  /** Relative to the service directory, with `/`. */
  readonly path: string;
  readonly kind: 'folder' | 'tarball';
  /** The content that decides about the installation: a tarball's bytes, or a folder's package.json. */
  readonly digest: string;
}

/** A dependency and its replacement. */
export interface Replacement {
  readonly name: string;
  readonly wanted: string;
  readonly by: DevPackage;
  /** Other versions of it in dev_packages. */
  readonly others: readonly DevPackage[];
}

export interface Replaced {
  readonly manifest: Manifest;
  readonly replacements: readonly Replacement[];
  /** Packages in dev_packages that are not dependencies. */
  readonly unused: readonly DevPackage[];
}

/**
 * The packages in the dev_packages of a service: tarballs, folders, and folders below a scope's folder.
 *
 * @throws BuildFault a file is not a tarball, or a package has no name or version
 */
export function findDevPackages(service: string): DevPackage[] {
  const folder = path.join(service, folderName);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const place = path.join(folder, entry.name);
      if (entry.isFile() && /\.(tgz|tar\.gz)$/.test(entry.name)) return [readTarball(service, place)];
      if (!entry.isDirectory()) return [];
      const folders = entry.name.startsWith('@')
        ? readdirSync(place).map((name) => path.join(place, name))
        : [place];
      return folders.flatMap((each) => readFolder(service, each) ?? []);
    });
}

function readTarball(service: string, file: string): DevPackage {
  const manifest = parseManifest(readPackedManifest(file), `the package.json in ${file}`);
  return describe(service, file, 'tarball', manifest, readFileSync(file));
}

function readFolder(service: string, folder: string): DevPackage | undefined {
  const manifest = readManifest(folder);
  return manifest && describe(service, folder, 'folder', manifest, JSON.stringify(manifest));
}

function describe(
  service: string,
  place: string,
  kind: DevPackage['kind'],
  { name, version }: Manifest,
  bytes: string | Buffer,
): DevPackage {
  if (typeof name !== 'string' || name === '')
    throw new BuildFault(`${place}: its package.json has no "name"`);
  if (typeof version !== 'string' || !isVersion(version)) {
    throw new BuildFault(`${place}: the "version" in its package.json is missing or not one such as 1.2.3`);
  }
  const digest = createHash('sha256').update(bytes).digest('hex');
  const relative = path.relative(service, place).split(path.sep).join('/');
  return { name, version, path: relative, kind, digest };
}

/** Replaces each dependency by the newest package of its name. Pure. */
export function replaceDependencies(manifest: Manifest, found: readonly DevPackage[]): Replaced {
  const names = [...new Set(found.map(({ name }) => name))];
  const replacements: Replacement[] = [];
  const unused: DevPackage[] = [];
  let changed = manifest;
  for (const name of names) {
    const [by, ...others] = found.filter((each) => each.name === name).sort(newestFirst);
    const fields = dependencyFields.filter((field) => manifest[field]?.[name] !== undefined);
    const wanted = fields.map((field) => manifest[field]?.[name])[0];
    if (by === undefined) continue;
    if (wanted === undefined) {
      unused.push(by, ...others);
      continue;
    }
    replacements.push({ name, wanted, by, others });
    for (const field of fields) {
      changed = { ...changed, [field]: { ...changed[field], [name]: `file:${by.path}` } };
    }
  }
  return { manifest: changed, replacements, unused };
}

/** Of equal versions takes the folder, because a folder is what developers edit. */
function newestFirst(a: DevPackage, b: DevPackage): number {
  return compareVersions(b.version, a.version) || (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : 0);
}
