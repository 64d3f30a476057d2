// Installs Debian's package of a server, if it has the rights. Sets the guard that keeps apt from starting it.
import { findProgram } from './installed-server.ts';
import { mustRun } from './command.ts';

const folders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/**
 * Serialized by a lock, since test files run side by side. The policy-rc.d guard is Debian's way to install without
 * starting a service: the broker on the usual port is the user's to start. A file that was in its place is restored, even
 * if an earlier run was killed half-way (its guard is recognized by the mark).
 */
const script = `
set -e
[ ! -x "$2" ] || exit 0
policy=/usr/sbin/policy-rc.d
saved=$policy.svchost-saved
mark='written by the tests of svchost'
restore() {
  rm -f "$policy"
  [ ! -e "$saved" ] || mv "$saved" "$policy"
}
if [ -e "$policy" ] && ! grep -q "$mark" "$policy"; then mv "$policy" "$saved"; fi
trap restore EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\\n# %s: installing must not start a service\\nexit 101\\n' "$mark" > "$policy"
chmod 755 "$policy"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$1"
# Installed is not asked for: without this it would start with the machine.
[ ! -d /run/systemd/system ] || systemctl disable -q "$1"
`;

/** Whether this process may install packages: as root, on a system with apt. */
export function mayInstall(): boolean {
  const isRoot = process.getuid?.() === 0;
  return isRoot && ['apt-get', 'dpkg', 'flock'].every((name) => findProgram(name, folders) !== undefined);
}

/** A server as Debian packages it. */
export interface DebianServer {
  /** The package, and the name of its service. */
  readonly name: string;
  /** Exists once it is installed. */
  readonly program: string;
}

/** Installs the package, if another test file has not done so meanwhile. Rejects with apt's output. */
export async function installServer({ name, program }: DebianServer): Promise<void> {
  // The time limit kills only `flock`; the script under it still restores the file that it replaced.
  const args = ['/tmp/svchost-tests-apt.lock', 'sh', '-c', script, 'sh', name, program];
  await mustRun('flock', args, { timeoutMs: 600_000 });
}
