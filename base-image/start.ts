// The container's process: runs the service's own svchost in this process, so that signals reach the host and the exit code
// is the host's. Replaces `npx svchost`: npm would not pass SIGTERM on to the service.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const host = 'rococo-svchost';

const bin = findBin(process.cwd());
if (bin === undefined) {
  console.error(
    `svchost image: ${host} is not installed for ${process.cwd()}; ` +
      `add it to the "dependencies" in the service's package.json (npm install ${host}), and build the image again`,
  );
  // The code for any service that cannot be loaded; see svchost's exit codes.
  process.exit(70);
}
process.argv[1] = bin;
await import(pathToFileURL(bin).href);

/** The executable of the host that Node finds from a directory; undefined if there is none. */
function findBin(directory: string): string | undefined {
  try {
    return createRequire(path.join(directory, 'package.json')).resolve(`${host}/bin`);
  } catch {
    return undefined;
  }
}
