// The plan of an installation: reads the package.jsons that refer to each other, and changes nothing.
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { BuildFault } from './fault.ts';
import {
  dependenciesOf,
  findLockfile,
  isForeign,
  localPath,
  readManifest,
  workspacePatterns,
  type Dependency,
  type Manifest,
} from './manifest.ts';
import type { Installation } from './npm.ts';

/** The service, and the options of its installation. */
export interface Request {
  /** The folder that holds the build context. */
  readonly app: string;
  /** The service directory, absolute, in `app`. */
  readonly service: string;
  readonly includesDev: boolean;
  /** Whether the service's package.json has changed since its lockfile was made. */
  readonly isChanged: boolean;
}

/** A package in the build context that the service depends on, or the service itself. */
export interface LocalPackage {
  readonly directory: string;
  readonly manifest: Manifest;
}

/** A dependency given by a path that leads nowhere. */
export interface Missing {
  /** The package.json that names it, relative to the context. */
  readonly manifest: string;
  readonly name: string;
  readonly wanted: string;
  /** The fault of the path. */
  readonly reason: string;
}

export interface Plan {
  /** In the order of need: dependencies come first, the service last. */
  readonly packages: readonly LocalPackage[];
  readonly installations: readonly Installation[];
  /** Folders whose package.json npm reads while it installs. */
  readonly projects: readonly string[];
  readonly missing: readonly Missing[];
  /** A hash of everything that decides what npm installs: plans with equal hashes need no second installation. */
  readonly fingerprint: string;
}

/**
 * Plans the installation of a service.
 *
 * @throws BuildFault the service has no package.json, or a dependency that npm does not know how to install
 */
export function makePlan(request: Request): Plan {
  const { app, service, includesDev } = request;
  const manifest = readManifest(service);
  if (!manifest) {
    throw new BuildFault(
      `no package.json in ${relativeTo(app, service)} of the build context; set SVC_ROOT_DIR to the service's directory`,
    );
  }
  const root = findWorkspaceRoot(app, service);
  const siblings = root ? workspacesByName(app, root) : new Map<string, string>();
  const survey: Survey = { request, siblings, packages: [], tarballs: [], missing: [], seen: new Set() };
  visit(survey, service, manifest);
  const { packages, missing } = survey;
  const installations = root ? [ofWorkspace(request)] : standalone(request, packages);
  const projects = [...new Set([...(root ? [app] : []), ...packages.map(({ directory }) => directory)])];
  const fingerprint = digest([
    process.version,
    includesDev,
    installations.map(({ directory, ...rest }) => ({ ...rest, directory: path.relative(app, directory) })),
    installations.flatMap(({ directory }) => installerFiles(directory)),
    projects.map((project) => [path.relative(app, project), decisive(readManifest(project), includesDev)]),
    survey.tarballs.map(hashFile),
  ]);
  return { packages, installations, projects, missing, fingerprint };
}

interface Survey {
  readonly request: Request;
  readonly siblings: ReadonlyMap<string, string>;
  readonly packages: LocalPackage[];
  readonly tarballs: string[];
  readonly missing: Missing[];
  readonly seen: Set<string>;
}

/** Depth first, so that each package comes after its dependencies. */
function visit(survey: Survey, directory: string, manifest: Manifest): void {
  const { request, siblings, packages, tarballs, missing, seen } = survey;
  if (seen.has(directory)) return;
  seen.add(directory);
  for (const dependency of dependenciesOf(manifest, request.includesDev)) {
    const place = findLocal(dependency, directory, request.app) ?? siblings.get(dependency.name);
    if (place === undefined) continue;
    const reason = whyUnusable(place, request.app);
    if (reason !== undefined) {
      missing.push({
        manifest: relativeTo(request.app, path.join(directory, 'package.json')),
        ...dependency,
        reason,
      });
    } else if (statSync(place).isFile()) {
      tarballs.push(place);
    } else {
      visit(survey, place, readManifest(place) ?? {});
    }
  }
  packages.push({ directory, manifest });
}

function findLocal({ name, wanted }: Dependency, directory: string, app: string): string | undefined {
  if (isForeign(wanted)) {
    throw new BuildFault(
      `${relativeTo(app, path.join(directory, 'package.json'))}: "${name}": "${wanted}" is not npm's; ` +
        'write "file:" and the path, or a version',
    );
  }
  const local = localPath(wanted);
  return local === undefined ? undefined : path.resolve(directory, local);
}

function whyUnusable(place: string, app: string): string | undefined {
  if (!isInside(app, place)) return 'leaves the build context';
  if (!existsSync(place)) return 'is not in the build context';
  if (statSync(place).isDirectory() && !existsSync(path.join(place, 'package.json'))) {
    return 'has no package.json in the build context';
  }
  return undefined;
}

/** The package.json at the root, if the service is one of its workspaces and has no lockfile of its own. */
function findWorkspaceRoot(app: string, service: string): Manifest | undefined {
  if (service === app || findLockfile(service) !== undefined) return undefined;
  const root = readManifest(app);
  return root && findWorkspaces(app, root).includes(service) ? root : undefined;
}

function findWorkspaces(app: string, root: Manifest): string[] {
  const patterns = workspacePatterns(root);
  const matches = (wanted: readonly string[]) =>
    wanted.flatMap((pattern) => globSync(pattern.replace(/\/+$/, ''), { cwd: app }));
  const excluded = new Set(matches(patterns.flatMap((pattern) => /^!(.*)/.exec(pattern)?.[1] ?? [])));
  return matches(patterns.filter((pattern) => !pattern.startsWith('!')))
    .filter((found) => !excluded.has(found) && existsSync(path.join(app, found, 'package.json')))
    .map((found) => path.resolve(app, found));
}

function workspacesByName(app: string, root: Manifest): Map<string, string> {
  return new Map(
    findWorkspaces(app, root).map((directory) => [
      readManifest(directory)?.name ?? path.basename(directory),
      directory,
    ]),
  );
}

function ofWorkspace({ app, service, includesDev, isChanged }: Request): Installation {
  const hasLockfile = findLockfile(app) !== undefined;
  const workspace = path.relative(app, service);
  return { directory: app, workspace, isLocked: hasLockfile && !isChanged, hasLockfile, includesDev };
}

/**
 * The service, and before it each package outside it that has dependencies: npm does not install the dependencies of a
 * linked package.
 */
function standalone(request: Request, packages: readonly LocalPackage[]): Installation[] {
  const { service, includesDev, isChanged } = request;
  return packages
    .filter(({ directory, manifest }) => {
      if (directory === service) return true;
      const wants = [
        ...dependenciesOf(manifest, includesDev),
        ...Object.keys(manifest['peerDependencies'] ?? {}),
      ];
      return !isInside(service, directory) && wants.length > 0;
    })
    .map(({ directory }) => {
      const hasLockfile = findLockfile(directory) !== undefined;
      const isLocked = hasLockfile && !(isChanged && directory === service);
      return { directory, workspace: undefined, isLocked, hasLockfile, includesDev };
    });
}

/** The name of a place in the context, for errors. */
function relativeTo(app: string, place: string): string {
  return path.relative(app, place) || '.';
}

function isInside(directory: string, place: string): boolean {
  const [first] = path.relative(directory, place).split(path.sep);
  return first !== '..';
}

/** The fields of a package.json that decide what npm installs; empty ones count as absent. */
function decisive(manifest: Manifest | undefined, includesDev: boolean): unknown[] {
  const fields = ['dependencies', 'optionalDependencies', 'peerDependencies', 'workspaces', 'overrides'];
  return [...fields, ...(includesDev ? ['devDependencies'] : [])].map((field) => {
    const value = manifest?.[field];
    const isEmpty = value === undefined || Object.keys(value as object).length === 0;
    return isEmpty ? null : sorted(value);
  });
}

/** Sorted, because a lockfile copies fields of a package.json in another order. */
function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => [name, sorted(inner)]);
}

/** The files beside a package.json that npm reads. */
function installerFiles(directory: string): (string | null)[] {
  return [findLockfile(directory), path.join(directory, '.npmrc')].map((file) =>
    file !== undefined && existsSync(file) ? hashFile(file) : null,
  );
}

function hashFile(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
