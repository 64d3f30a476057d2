// The package.json inside a tarball that `npm pack` has made. Reads it in memory, and unpacks nothing.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { BuildFault } from './fault.ts';

/** The size of a block of a tar file, in bytes. */
const block = 512;

/** The largest unpacked size, in bytes: a guard against a file that is made to fill the memory. */
const largest = 1024 * 1024 * 1024;

/**
 * The text of the package.json at the top of a tarball, below its one folder (`package/` by convention).
 *
 * @throws BuildFault it is not a gzipped tar, or has no package.json
 */
export function readPackedManifest(file: string): string {
  const archive = unzip(file);
  for (let offset = 0; offset + block <= archive.length;) {
    const header = archive.subarray(offset, offset + block);
    // Two empty blocks are the end.
    if (header.every((byte) => byte === 0)) break;
    const size = parseInt(text(header, 124, 12), 8);
    if (Number.isNaN(size)) break;
    const isFile = ['', '0'].includes(text(header, 156, 1));
    const name = [text(header, 345, 155), text(header, 0, 100)].filter((part) => part !== '').join('/');
    const start = offset + block;
    if (isFile && /^[^/]+\/package\.json$/.test(name.replace(/^\.\//, ''))) {
      return archive.toString('utf8', start, start + size);
    }
    offset = start + Math.ceil(size / block) * block;
  }
  throw new BuildFault(`${file} has no package.json in it; make it with npm pack`);
}

function unzip(file: string): Buffer {
  try {
    return gunzipSync(readFileSync(file), { maxOutputLength: largest });
  } catch (cause) {
    throw new BuildFault(`${file} is not a package (${(cause as Error).message}); make it with npm pack`, {
      cause,
    });
  }
}

/** A field of a header: up to its first NUL. */
function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? length : end).trim();
}
