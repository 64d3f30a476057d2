// Calls of npm: installs one project, and runs scripts of its package.json.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BuildFault } from './fault.ts';
import { parseManifest } from './manifest.ts';

/** One folder in which npm installs. */
export interface Installation {
  readonly directory: string;
  /** In a workspace root: the one workspace to install, relative. */
  readonly workspace: string | undefined;
  /** True for `npm ci`, which installs exactly the lockfile; false for `npm install`, which follows it as far as it can. */
  readonly isLocked: boolean;
  readonly hasLockfile: boolean;
  readonly includesDev: boolean;
}

/** The arguments of npm for an installation. Pure. */
export function installArguments(installation: Installation): string[] {
  const { workspace, isLocked, hasLockfile, includesDev } = installation;
  return [
    isLocked ? 'ci' : 'install',
    // npm's default depends on NODE_ENV.
    includesDev ? '--include=dev' : '--omit=dev',
    ...(workspace === undefined ? ['--workspaces=false'] : ['--workspace', workspace]),
    ...(isLocked ? [] : [hasLockfile ? '--no-save' : '--no-package-lock']),
    // A copy below node_modules could not be TypeScript: Node runs none there.
    '--install-links=false',
    '--no-audit',
    '--no-fund',
    '--no-update-notifier',
  ];
}

/** @throws BuildFault npm failed; its output says why */
export function install(installation: Installation): void {
  npm(installation.directory, installArguments(installation));
}

/** Runs a script of a package.json; with `alone`, without its pre- and post-scripts. Throws BuildFault if it fails. */
export function runScript(directory: string, script: string, alone: boolean): void {
  npm(directory, [
    'run',
    script,
    '--workspaces=false',
    '--no-update-notifier',
    ...(alone ? ['--ignore-scripts'] : []),
  ]);
}

function npm(directory: string, args: readonly string[]): void {
  console.log(`svchost image: npm ${args.join(' ')} (in ${directory})`);
  const { status, signal, error } = spawnSync('npm', args, {
    cwd: directory,
    // npm keeps its own code compiled in the temporary directory, which would stay in the image.
    env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error) throw new BuildFault(`npm could not be started: ${error.message}`, { cause: error });
  if (status !== 0) {
    throw new BuildFault(
      `npm ${args.slice(0, 2).join(' ')} in ${directory} failed with ${signal ?? status}; see above`,
    );
  }
}

/**
 * Calls `action` while the package.json of each directory has no scripts: npm would run them before the sources have been
 * copied, and `prepare` without the development dependencies.
 */
export function withoutScripts(directories: readonly string[], action: () => void): void {
  const files = directories.map((directory) => path.join(directory, 'package.json'));
  const originals = files.map((file) => [file, readFileSync(file, 'utf8')] as const);
  for (const [file, text] of originals) {
    writeFileSync(file, JSON.stringify({ ...parseManifest(text, file), scripts: undefined }, undefined, 2));
  }
  try {
    action();
  } finally {
    for (const [file, text] of originals) writeFileSync(file, text);
  }
}
