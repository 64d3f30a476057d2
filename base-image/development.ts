// Replaces dependencies of a service by packages in dev_packages, and says so in the build log.
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  findDevPackages,
  folderName,
  replaceDependencies,
  usesDevPackages,
  type DevPackage,
  type Replacement,
} from './dev-packages.ts';
import { readManifest } from './manifest.ts';

export interface Development {
  /** Whether package.json was rewritten. */
  readonly isChanged: boolean;
  /** Folders of dev_packages that the service uses at run time, relative to the service directory. */
  readonly folders: readonly string[];
}

/**
 * Changes the package.json of a service if ENVIRONMENT asks for it and dev_packages has a replacement.
 *
 * @throws BuildFault something in dev_packages is not a package
 */
export function useDevPackages(service: string, environment: string): Development {
  const none = { isChanged: false, folders: [] };
  const manifest = readManifest(service);
  if (!usesDevPackages(environment)) return none;
  if (!manifest) return none;
  const { manifest: changed, replacements, unused } = replaceDependencies(manifest, findDevPackages(service));
  for (const { name, version, path: place } of unused) {
    say(`${place} is left alone: ${name} ${version} is no dependency of the service`);
  }
  if (replacements.length === 0) {
    say(`ENVIRONMENT is ${environment}, and ${folderName} has nothing for the service`);
    return none;
  }
  const text = JSON.stringify(changed, undefined, 2);
  writeFileSync(path.join(service, 'package.json'), `${text}\n`);
  say(`package.json with the packages of ${folderName}:\n${text}`);
  replacements.forEach((replacement) => say(describe(replacement)));
  const folders = replacements.flatMap(({ by }) => (by.kind === 'folder' ? [by.path] : []));
  return { isChanged: true, folders };
}

/** Removes what the service does not use at run time: tarballs, which are installed by now, and ignored packages. */
export function tidyDevPackages(service: string, { folders }: Development): void {
  const kept = new Set(folders.flatMap((folder) => [folder, path.posix.dirname(folder)]));
  const tidy = (folder: string): void => {
    const place = path.join(service, folder);
    if (!existsSync(place)) return;
    if (!kept.has(folder)) return rmSync(place, { recursive: true });
    if (folders.includes(folder)) return;
    for (const name of readdirSync(place)) tidy(`${folder}/${name}`);
  };
  tidy(folderName);
}

function describe({ name, wanted, by, others }: Replacement): string {
  const rest = others.map(naming).join(', ');
  return `replaced ${name} "${wanted}" by ${naming(by)}${rest === '' ? '' : `; also there: ${rest}`}`;
}

function naming({ version, path: place }: DevPackage): string {
  return `${version} (${place})`;
}

function say(text: string): void {
  console.log(`svchost image: ${text}`);
}
