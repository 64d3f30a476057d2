// Puts packages of dev_packages in the place of a service's dependencies, and says so in the log of the build.
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
  /** Whether package.json was written anew. */
  readonly isChanged: boolean;
  /** Folders of dev_packages that the service runs with, from the service directory. */
  readonly folders: readonly string[];
}

/**
 * Changes the package.json of a service where ENVIRONMENT asks for it and dev_packages has something for it.
 *
 * @throws BuildFault a package in dev_packages is none
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

/** Takes away what the service does not run with: tarballs, which are installed, and all that was left alone. */
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
