// Tells the files of a service from those of installed packages and of svchost.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The code of svchost itself, which is not part of a service, even if it is linked instead of installed. */
const hostCode = import.meta.dirname + path.sep;

/**
 * The file of a module, absolute, if it belongs to a service or its workspace; undefined for installed packages, for svchost,
 * and for modules that are not files.
 *
 * @param url of the module, links resolved
 */
export function ownFile(url: string | undefined): string | undefined {
  if (!url?.startsWith('file:')) return undefined;
  const file = fileURLToPath(url);
  return file.startsWith(hostCode) || file.split(path.sep).includes('node_modules') ? undefined : file;
}
