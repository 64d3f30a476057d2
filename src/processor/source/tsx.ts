// Hands what Node alone cannot run to tsx, if the service has installed it.
import type { InstalledPackage } from './package.ts';

interface Api {
  register(options?: { readonly tsconfig?: string }): unknown;
}

/**
 * Has tsx load all modules from now on, required or imported.
 *
 * @param tsconfig the service's, absolute; tsx would look for one in the working directory
 */
export function registerTsx(tsx: InstalledPackage, tsconfig: string | undefined): void {
  withVariable('TSX_TSCONFIG_PATH', tsconfig, () => {
    (tsx.load('tsx/cjs/api') as Api).register();
    // The build for `require` finds its hooks only on a Node on which they run in this thread.
    const file = tsx.fileOf('./esm/api');
    (tsx.load(file ?? 'tsx/esm/api') as Api).register(tsconfig === undefined ? {} : { tsconfig });
  });
}

/** Sets a variable while `work` runs, unless the user has. */
function withVariable(name: string, value: string | undefined, work: () => void): void {
  const { env } = process;
  if (value === undefined || env[name] !== undefined) {
    work();
    return;
  }
  env[name] = value;
  try {
    work();
  } finally {
    Reflect.deleteProperty(env, name);
  }
}
