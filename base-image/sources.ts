// The second step of a build: copies the sources, installs the dependencies that the first step could not, builds, and
// removes everything that a running service does not use.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readBuilder, refuseStaleCache } from './builder.ts';
import { tidyDevPackages, useDevPackages, type Development } from './development.ts';
import { folderName, usesDevPackages } from './dev-packages.ts';
import { BuildFault } from './fault.ts';
import { install, runScript, withoutScripts } from './npm.ts';
import { makePlan, type Plan } from './plan.ts';
import type { BuildRequest } from './request.ts';
import { readState } from './state.ts';
import { copyTree, findFiles, findFolders } from './tree.ts';

const installed = 'node_modules';

/** Never in an image: secrets are passed at run time, and the rest belongs to the building machine. */
const neverCopied = [installed, '.git', '.svchost', '.env.secrets', '.env.local', folderName];

/** Scripts of a package.json that npm runs after an installation; `prepare` is for development only. */
const installScripts = ['preinstall', 'install', 'postinstall'];

/** @throws BuildFault the service cannot be built */
export function addSources(request: BuildRequest): void {
  const { app, root, environment, installsDev, state } = request;
  const { fingerprint, container } = readState(state);
  refuseStaleCache(readBuilder(request.builderFile), container, request.sourcesId);
  const service = path.resolve(app, root);
  bring(request, service);
  const development = useDevPackages(service, environment);
  const { isChanged } = development;
  const plan = makePlan({ app, service, includesDev: installsDev, isChanged });
  refuseMissing(plan, root);
  if (plan.fingerprint === fingerprint) {
    say('the dependencies are those of the step before');
  } else {
    for (const folder of [...findFolders(app, installed)]) rmSync(folder, { recursive: true });
    installAll(plan);
  }
  runInstallScripts(plan);
  build(request, plan);
  tidy(request, service, development);
}

/** Copies the context, and logs the files that were left out. */
function bring({ context, app, root, environment }: BuildRequest, service: string): void {
  if (!existsSync(context)) {
    throw new BuildFault(
      `the build context is not mounted at ${context}: this builder knows no RUN --mount; ` +
        'build with BuildKit (Docker 23 or later), Buildah or Podman',
    );
  }
  const leftOut = copyTree(context, app, new Set(neverCopied));
  const npmrc = [...findFiles(app, '.npmrc', installed)].map((file) => path.relative(app, file));
  const devPackages = path.join(root, folderName);
  const all = [...leftOut, ...npmrc].filter((place) => place !== devPackages).sort();
  if (all.length > 0) say(`left out of the image: ${all.join(', ')}`);
  if (!leftOut.includes(devPackages)) return;
  if (usesDevPackages(environment)) {
    const target = path.join(service, folderName);
    copyTree(path.join(context, devPackages), target, new Set([installed, '.git']));
  } else {
    say(`${devPackages} is left alone: ENVIRONMENT is ${environment}, not local or development`);
  }
}

function refuseMissing({ missing }: Plan, root: string): void {
  if (missing.length === 0) return;
  const list = missing.map(
    ({ manifest, name, wanted, reason }) => `${manifest} wants "${name}" from "${wanted}", which ${reason}`,
  );
  const devPackages = path.posix.join(root, folderName);
  throw new BuildFault(
    `${list.join('; ')}. Build with a directory that holds both as the context, and the way from there to the service ` +
      'as SVC_ROOT_DIR (and see that .dockerignore does not name it); or pack it (npm pack --pack-destination ' +
      `${devPackages}) and build with --build-arg ENVIRONMENT=development`,
  );
}

function installAll({ projects, installations }: Plan): void {
  withoutScripts(projects, () => installations.forEach(install));
}

/** Runs the scripts that npm would run after an installation: only now are there sources. */
function runInstallScripts({ packages }: Plan): void {
  for (const { directory, manifest } of packages) {
    for (const script of installScripts) {
      if (manifest.scripts?.[script] !== undefined) runScript(directory, script, true);
    }
  }
}

/**
 * Runs the `build` scripts of the service and of the packages in the context that it depends on. They need the development
 * dependencies, which must not be in the image: so it adds these to a copy, builds there, and copies the result back.
 */
function build({ app, root, installsDev }: BuildRequest, installation: Plan): void {
  const planIn = (directory: string) =>
    // Not `npm ci`, which would first empty node_modules.
    makePlan({ app: directory, service: path.resolve(directory, root), includesDev: true, isChanged: true });
  if (installsDev) return runBuilds(installation);
  if (buildable(installation).length === 0) return;
  const copy = mkdtempSync(path.join(tmpdir(), 'svchost-build-'));
  try {
    copyTree(app, copy, new Set());
    const plan = planIn(copy);
    refuseMissing(plan, root);
    installAll(plan);
    runBuilds(plan);
    copyTree(copy, app, new Set([installed]));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function buildable({ packages }: Plan): Plan['packages'] {
  return packages.filter(({ manifest }) => manifest.scripts?.['build'] !== undefined);
}

function runBuilds(plan: Plan): void {
  for (const { directory } of buildable(plan)) runScript(directory, 'build', false);
}

function tidy({ app, state }: BuildRequest, service: string, development: Development): void {
  tidyDevPackages(service, development);
  for (const file of [...findFiles(app, '.npmrc', installed)]) rmSync(file);
  rmSync(state, { force: true });
}

function say(text: string): void {
  console.log(`svchost image: ${text}`);
}
