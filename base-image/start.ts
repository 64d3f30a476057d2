// The container's process: runs the service's own svchost in this very process, so that signals and the exit code are
// the host's. Stands in for `npx svchost`: with npm in between a SIGTERM would not reach the service.
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
  // As for any service that cannot be loaded; see svchost's exit codes.
  process.exit(70);
}
process.argv[1] = bin;
await import(pathToFileURL(bin).href);

/** The executable of the host that Node finds from a directory; undefined where there is none. */
function findBin(directory: string): string | undefined {
  try {
    return createRequire(path.join(directory, 'package.json')).resolve(`${host}/bin`);
  } catch {
    return undefined;
  }
}
