// A package registry on the loopback with the packages that a test publishes; npm installs from it as from any other.
// Runs the server and makes the tarballs with `npm pack`.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { mustRun } from '../support/command.ts';
import { addFiles, type Tree } from '../processor/tree.ts';

/** One version of a package. */
export interface Published {
  readonly name: string;
  readonly version: string;
  readonly [field: string]: unknown;
}

/** A running registry; disposing of it stops the server. */
export interface Registry extends AsyncDisposable {
  readonly url: string;
  /** The requested paths; grows. */
  readonly requests: readonly string[];
  /** npm's cache of packages from this registry. */
  readonly cache: string;
  publish(manifest: Published, files?: Tree): Promise<void>;
}

/** Starts a registry on a free port of the loopback. */
export async function startRegistry(): Promise<Registry> {
  const folder = mkdtempSync(path.join(tmpdir(), 'svchost-registry-'));
  const packages = new Map<string, Record<string, object>>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const name = decodeURIComponent((request.url ?? '/').slice(1));
    requests.push(name);
    const versions = packages.get(name);
    if (name.endsWith('.tgz')) {
      response.end(readFileSync(path.join(folder, path.basename(name))));
    } else if (versions) {
      const latest = Object.keys(versions).at(-1);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name, 'dist-tags': { latest }, versions }));
    } else {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    url,
    requests,
    cache: path.join(folder, 'cache'),
    publish: async (manifest, files = {}) => {
      const file = await packPackage(manifest, files, folder);
      const integrity = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
      const dist = { tarball: `${url}-/${path.basename(file)}`, integrity };
      packages.set(manifest.name, {
        ...packages.get(manifest.name),
        [manifest.version]: { ...manifest, dist },
      });
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Makes a tarball of a package with `npm pack`, in `destination`. Returns its path. */
export async function packPackage(manifest: Published, files: Tree, destination: string): Promise<string> {
  const source = mkdtempSync(path.join(tmpdir(), 'svchost-package-'));
  addFiles(source, { ...files, 'package.json': manifest });
  addFiles(destination, {});
  const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', destination];
  const name = await mustRun('npm', args, { cwd: source });
  rmSync(source, { recursive: true });
  return path.join(destination, name.trim());
}
