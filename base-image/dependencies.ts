// The first step of a build: installs the dependencies from package.jsons and lockfiles alone, so that its layer is reused
// until one of those changes. Dependencies that need the sources are left to the second step.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readBuilder } from './builder.ts';
import { useDevPackages } from './development.ts';
import { folderName } from './dev-packages.ts';
import { BuildFault } from './fault.ts';
import { findLockfile, parseManifest } from './manifest.ts';
import { install, withoutScripts } from './npm.ts';
import { makePlan, type Plan } from './plan.ts';
import type { BuildRequest } from './request.ts';
import { writeState } from './state.ts';
import { copyTree, pruneTree } from './tree.ts';

/** @throws BuildFault a file is wrong; a missing file is no error before the second step */
export function installDependencies(request: BuildRequest): void {
  const { app, root, staged, state, builderFile } = request;
  const service = path.resolve(app, root);
  refuseSecrets(['root', 'service', 'common'].map((name) => path.join(staged, name)));
  layOut(request, service);
  addWorkspaces(app);
  const { isChanged } = useDevPackages(service, request.environment);
  const plan = makePlan({ app, service, includesDev: request.installsDev, isChanged });
  const reason = whyNotYet(plan);
  if (reason === undefined) {
    withoutScripts(plan.projects, () => plan.installations.forEach(install));
  } else {
    console.log(`svchost image: the dependencies are installed with the sources: ${reason}`);
  }
  // The sources bring the package.jsons again, so keeping them would only enlarge this layer.
  pruneTree(app, 'node_modules');
  mkdirSync(service, { recursive: true });
  rmSync(staged, { recursive: true, force: true });
  writeState(state, {
    fingerprint: reason === undefined ? plan.fingerprint : '',
    container: readBuilder(builderFile)?.container ?? '',
  });
}

/** Copies the staged files to their places in the context. */
function layOut({ staged, app, root }: BuildRequest, service: string): void {
  const anchor = readFileSync(path.join(staged, 'service', 'package.json'), 'utf8');
  const folders: Record<string, string> = root === '.' ? {} : { root: app };
  for (const [name, target] of Object.entries({ ...folders, common: path.join(app, 'common') })) {
    const source = path.join(staged, name);
    // Each COPY includes the service's package.json: for a folder that has none of its own, it is that one.
    const isThere = readFileSync(path.join(source, 'package.json'), 'utf8') !== anchor;
    if (isThere) copyTree(source, target, new Set());
  }
  copyTree(path.join(staged, 'service'), service, new Set());
  const devPackages = path.join(staged, folderName);
  rmSync(path.join(devPackages, 'package.json'));
  if (readdirSync(devPackages).length > 0) {
    copyTree(devPackages, path.join(service, folderName), new Set(['node_modules', '.git']));
  }
}

/** Refuses a token in an .npmrc, which would stay in the layer that holds the file. */
function refuseSecrets(directories: readonly string[]): void {
  for (const file of directories.map((directory) => path.join(directory, '.npmrc'))) {
    if (!existsSync(file)) continue;
    const secret = /^\s*(?:[^\s=#;]*:)?(_authToken|_auth|_password)\s*=\s*(?!\s|["']?\$\{)/m.exec(
      readFileSync(file, 'utf8'),
    );
    if (!secret) continue;
    throw new BuildFault(
      `an .npmrc in the build context holds a secret (${secret[1]}), which would stay in the image. ` +
        'Name the file in .dockerignore, and give it as a build secret: docker build --secret id=npmrc,src=.npmrc',
    );
  }
}

/** The lockfile of a workspace root knows the package.jsons of all workspaces as far as npm needs them. */
function addWorkspaces(app: string): void {
  for (const [place, entry] of lockedPackages(app)) {
    const file = path.join(app, place, 'package.json');
    if (place === '' || /(^|\/)(node_modules|\.\.)(\/|$)/.test(place) || existsSync(file)) continue;
    mkdirSync(path.dirname(file), { recursive: true });
    // Without its commands, whose files come with the sources.
    const name = entry['name'] ?? nameOf(app, place);
    writeFileSync(file, JSON.stringify({ ...entry, name, bin: undefined }));
  }
}

type Locked = Readonly<Record<string, unknown>>;

function lockedPackages(directory: string): [string, Locked][] {
  const file = findLockfile(directory);
  if (file === undefined) return [];
  const { packages } = parseManifest(readFileSync(file, 'utf8'), file);
  return Object.entries((packages ?? {}) as Record<string, Locked>);
}

/** A workspace's name if its lock entry has none: the name of the link to it. */
function nameOf(app: string, place: string): string {
  const link = lockedPackages(app).find(([, entry]) => entry['link'] === true && entry['resolved'] === place);
  return link?.[0].replace(/^.*node_modules\//, '') ?? path.basename(place);
}

/** The part of the sources that an installation needs; undefined if it can be done now. */
function whyNotYet({ missing, installations, packages }: Plan): string | undefined {
  const [first] = missing;
  if (first) return `"${first.name}" is "${first.wanted}"`;
  for (const { directory, workspace, hasLockfile } of installations) {
    if (workspace !== undefined && !hasLockfile) return 'the workspaces have no lockfile that names them';
    for (const [place, { resolved }] of lockedPackages(directory)) {
      if (typeof resolved !== 'string' || !resolved.startsWith('file:')) continue;
      if (!existsSync(path.resolve(directory, resolved.slice('file:'.length)))) {
        return `the lockfile takes ${place} from ${resolved}`;
      }
    }
  }
  const override = packages.find(({ manifest }) =>
    JSON.stringify(manifest['overrides'] ?? {}).includes('"file:'),
  );
  return override && 'an override names a file';
}
