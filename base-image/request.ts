// The request for a build: its build arguments and places. Reads them and reports what is wrong with them.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { BuildFault } from './fault.ts';

/** One run of install.ts. */
export interface BuildRequest {
  readonly step: 'dependencies' | 'sources';
  /** SVC_ROOT_DIR, normalised: `.`, or a path such as `services/order`. */
  readonly root: string;
  readonly environment: string;
  readonly installsDev: boolean;
  /** Any text that changes with the sources, for builders that do not notice changes themselves. */
  readonly sourcesId: string;
  /** The files that were copied for the first step. */
  readonly staged: string;
  /** The build context, mounted for the second step. */
  readonly context: string;
  /** The target folder. */
  readonly app: string;
  /** The file in which the first step leaves its state for the second. */
  readonly state: string;
  /** The file in which buildah describes the container of a step. */
  readonly builderFile: string;
}

/** @throws BuildFault a build argument or a step is invalid */
export function readRequest(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): BuildRequest {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      staged: { type: 'string', default: '/opt/svchost/staged' },
      context: { type: 'string', default: '/context' },
      app: { type: 'string', default: '/app' },
      state: { type: 'string', default: '/opt/svchost/state.json' },
      'builder-file': { type: 'string', default: '/run/.containerenv' },
    },
  });
  const [step] = positionals;
  if (step !== 'dependencies' && step !== 'sources') {
    throw new BuildFault(`expected the step "dependencies" or "sources"; found ${step ?? 'none'}`);
  }
  return {
    step,
    root: readRoot(env['SVC_ROOT_DIR'] ?? ''),
    environment: env['ENVIRONMENT']?.trim() || 'production',
    installsDev: readFlag('INSTALL_DEV', env['INSTALL_DEV'] ?? ''),
    sourcesId: env['SOURCES_ID'] ?? '',
    staged: values.staged,
    context: values.context,
    app: values.app,
    state: values.state,
    builderFile: values['builder-file'],
  };
}

/** Like COPY, for which a leading slash means the context. */
function readRoot(value: string): string {
  const root = path.posix.normalize(value.trim().replace(/^\/+/, '') || '.').replace(/\/+$/, '');
  if (root === '..' || root.startsWith('../')) {
    throw new BuildFault(
      `SVC_ROOT_DIR=${value} leaves the build context; ` +
        'build with a directory above the service as the context, and name the way from there to the service',
    );
  }
  return root;
}

function readFlag(name: string, value: string): boolean {
  if (['', 'false'].includes(value.trim())) return false;
  if (value.trim() === 'true') return true;
  throw new BuildFault(`${name}: expected true or false; found "${value}"`);
}
