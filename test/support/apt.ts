// Installs Debian's rabbitmq-server, if it has the rights. Sets the guard that keeps apt from starting a broker.
import { findProgram } from './installed-server.ts';
import { mustRun } from './command.ts';

const folders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/**
 * Serialized by a lock, since test files run side by side. The policy-rc.d guard is Debian's way to install without
 * starting a service: the broker on port 5672 is the user's to start. A file that was in its place is restored, even if
 * an earlier run was killed half-way (its guard is recognized by the mark).
 */
const script = `
set -e
[ ! -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || exit 0
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
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 rabbitmq-server
# Installed is not asked for: without this it would start with the machine.
[ ! -d /run/systemd/system ] || systemctl disable -q rabbitmq-server
`;

/** Whether this process may install packages: as root, on a system with apt. */
export function mayInstall(): boolean {
  const isRoot = process.getuid?.() === 0;
  return isRoot && ['apt-get', 'dpkg', 'flock'].every((name) => findProgram(name, folders) !== undefined);
}

/** Installs the package, if another test file has not done so meanwhile. Rejects with apt's output. */
export async function installServer(): Promise<void> {
  // The time limit kills only `flock`; the script under it still restores the file that it replaced.
  await mustRun('flock', ['/tmp/svchost-tests-apt.lock', 'sh', '-c', script], { timeoutMs: 600_000 });
}
