// Packs this checkout's rococo-svchost once and copies the tarball into the dev_packages/ of each example. The base image
// uses it instead of `file:../..`, which is outside the build context. `npm run examples:pack` builds first.
//
//   node examples/pack.ts [the directory with the examples, by default this one]
import { spawnSync } from 'node:child_process';
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const examples = path.resolve(process.argv[2] ?? import.meta.dirname);

/** Packs the package; returns the tarball's name. */
function pack(folder: string): string {
  // An npm script knows the path of its npm; on Windows npm cannot be started without a shell.
  const { npm_execpath: npm } = process.env;
  // No scripts: dist/ is built already, and building it again would remove it under a running process.
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const [command, commandArgs] = npm === undefined ? ['npm', args] : [process.execPath, [npm, ...args]];
  const { status, error } = spawnSync(command, commandArgs, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [tarball] = readdirSync(folder);
  if (status === 0 && tarball !== undefined) return tarball;
  throw new Error(`npm pack ended with exit code ${status ?? 'none'}`, { cause: error });
}

const folder = mkdtempSync(path.join(tmpdir(), 'svchost-pack-'));
try {
  const tarball = pack(folder);
  const services = globSync('**/Dockerfile', { cwd: examples, exclude: ['**/node_modules'] });
  if (services.length === 0) throw new Error(`no Dockerfile below ${examples}`);
  for (const service of services.map((file) => path.dirname(file)).sort()) {
    const packages = path.join(examples, service, 'dev_packages');
    mkdirSync(packages, { recursive: true });
    // A tarball of an older version would be a second package of that name.
    for (const old of globSync('rococo-svchost-*.tgz', { cwd: packages })) rmSync(path.join(packages, old));
    copyFileSync(path.join(folder, tarball), path.join(packages, tarball));
    console.log(path.join(service, 'dev_packages', tarball));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
