// Installs other versions of Node from npm, to run the built host on each that it supports.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { runCommand } from './command.ts';

/** The versions of Node that svchost supports, the oldest of the first first; the tests themselves run on 24. */
export const nodeVersions = ['22.18.0', '24', '26.10.0'] as const;

const cache = path.resolve(import.meta.dirname, '../../node_modules/.cache/svchost');

/** The executable of a version of Node; installs it for later runs as well. */
export async function installNode(version: (typeof nodeVersions)[number]): Promise<string> {
  if (version === '24') return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const directory = path.join(cache, `node-${version}`);
  const executable = path.join(directory, 'node_modules', name, 'bin/node');
  if (existsSync(executable)) return executable;
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', directory];
  const { code, stderr } = await runCommand('npm', [...args, `${name}@${version}`], { timeoutMs: 300_000 });
  if (code !== 0) throw new Error(`Node ${version} cannot be installed from npm:\n${stderr}`);
  return executable;
}
