// Finds the servers installed on this machine: RabbitMQ and NATS.
import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { DebianServer } from './apt.ts';

/** The programs of one installation. */
export interface InstalledServer {
  readonly server: string;
  readonly ctl: string;
  /** Erlang's port mapper, through which rabbitmqctl finds its node. */
  readonly epmd: string;
}

/**
 * Debian's wrapper in /usr/sbin switches to the user `rabbitmq` and its folders, and refuses other users; the scripts
 * in this folder do neither.
 */
const debianScripts = '/usr/lib/rabbitmq/bin';
/** Folders in which package managers put servers, and which a user's PATH often omits. */
const usualFolders = [
  '/usr/sbin',
  '/usr/bin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/opt/homebrew/sbin',
  '/opt/homebrew/bin',
];

/** The RabbitMQ of Debian's package. */
export const debianRabbitMq: DebianServer = {
  name: 'rabbitmq-server',
  program: join(debianScripts, 'rabbitmq-server'),
};

/** The NATS of Debian's package. */
export const debianNats: DebianServer = { name: 'nats-server', program: '/usr/sbin/nats-server' };

/** The program of the installed NATS server; undefined if there is none. */
export function findNatsServer(path = process.env.PATH ?? ''): string | undefined {
  return findProgram('nats-server', foldersOf(path));
}

/** The installed server; undefined if there is none that we could start. */
export function findInstalledServer(path = process.env.PATH ?? ''): InstalledServer | undefined {
  const folders = foldersOf(path);
  const server = findProgram('rabbitmq-server', [debianScripts, ...folders]);
  if (server === undefined) return undefined;
  // The tools of the same installation: another version's rabbitmqctl may not understand the node.
  const ctl = findProgram('rabbitmqctl', [dirname(server), dirname(realpathSync(server))]);
  const epmd = findProgram('epmd', [...folders, '/usr/lib/erlang/bin', '/usr/local/lib/erlang/bin']);
  return ctl === undefined || epmd === undefined ? undefined : { server, ctl, epmd };
}

function foldersOf(path: string): string[] {
  return [...path.split(delimiter).filter((folder) => folder !== ''), ...usualFolders];
}

/** The first executable of that name in `folders`. */
export function findProgram(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
