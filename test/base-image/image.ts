// Builds a service as an image builder would, but without one: applies the COPY lines of the real Dockerfile, then runs
// the two steps of the real script. Creates and removes the folders; a test gets the one that would be /app.
import { cpSync, globSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTree, type Tree } from '../processor/tree.ts';
import { runCommand } from '../support/command.ts';
import type { Registry } from './registry.ts';

const source = fileURLToPath(new URL('../../base-image', import.meta.url));

/** A build context and the settings of its build. */
export interface Build {
  readonly registry: Registry;
  /** The build arguments; SVC_ROOT_DIR is `.` by default. */
  readonly args?: Readonly<Record<string, string>>;
  /** The files that the builder writes into the containers of the two steps; default: none, as BuildKit. */
  readonly containers?: readonly [string, string];
}

/** The result of a build. */
export interface BuiltImage {
  /** The context's place in the image. */
  readonly app: string;
  /** The output of the two steps; that of the second is empty if the first failed. */
  readonly dependencies: string;
  readonly sources: string;
  /** The exit code of the step that failed, or 0. */
  readonly code: number | null;
  /** The number of requests that each step made to the registry. */
  readonly requests: readonly [number, number];
}

/** Builds a context that a test has created. */
export async function buildImage(
  context: string,
  { registry, args = {}, containers }: Build,
): Promise<BuiltImage> {
  const directory = createTree({});
  const [app, staged] = [path.join(directory, 'app'), path.join(directory, 'staged')];
  const root = args['SVC_ROOT_DIR'] ?? '.';
  mkdirSync(path.join(app, root), { recursive: true });
  copyAsDockerfile(context, staged, { SVC_ROOT_DIR: root, ENVIRONMENT: args['ENVIRONMENT'] ?? 'production' });
  const step = async (name: string, container: string | undefined) => {
    const before = registry.requests.length;
    const builderFile = path.join(
      createTree({ container: container ?? '' }),
      container === undefined ? '-' : 'container',
    );
    const places = {
      staged,
      context,
      app,
      state: path.join(directory, 'state.json'),
      'builder-file': builderFile,
    };
    const options = Object.entries(places).flatMap(([option, place]) => [`--${option}`, place]);
    const result = await runCommand(process.execPath, [path.join(source, 'install.ts'), name, ...options], {
      env: { ...environment(registry), ...args },
      timeoutMs: 120_000,
    });
    return { ...result, output: result.stdout + result.stderr, requests: registry.requests.length - before };
  };
  const first = await step('dependencies', containers?.[0]);
  if (first.code !== 0) {
    return { app, code: first.code, dependencies: first.output, sources: '', requests: [first.requests, 0] };
  }
  const second = await step('sources', containers?.[1]);
  return {
    app,
    code: second.code,
    dependencies: first.output,
    sources: second.output,
    requests: [first.requests, second.requests],
  };
}

/** As `buildImage`, for a context given as a tree, and a build that must succeed. */
export async function buildTree(tree: Tree, build: Build): Promise<BuiltImage> {
  const image = await buildImage(createTree(tree), build);
  if (image.code !== 0) throw new Error(`the build failed:\n${image.dependencies}${image.sources}`);
  return image;
}

/** As in the image, but npm uses the test's registry and folders. */
export function environment({ url, cache }: Registry): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: path.dirname(cache),
    NODE_ENV: 'production',
    npm_config_registry: url,
    npm_config_cache: cache,
  };
}

/**
 * Applies the COPY lines of the Dockerfile: copies each match of a pattern into the folder; of a directory, its
 * content.
 */
function copyAsDockerfile(context: string, staged: string, values: Readonly<Record<string, string>>): void {
  const dockerfile = readFileSync(path.join(source, 'Dockerfile'), 'utf8');
  for (const [, line = ''] of dockerfile.matchAll(/^ONBUILD COPY (.*)$/gm)) {
    const expanded = line.replaceAll(/\$\{(\w+)(?::-[^}]*)?\}/g, (_, name: string) => values[name] ?? '');
    const words = expanded.split(' ');
    const target = path.join(staged, path.basename(words.pop() ?? ''));
    mkdirSync(target, { recursive: true });
    for (const found of words.flatMap((pattern) => globSync(pattern, { cwd: context }))) {
      const place = path.join(context, found);
      const isFolder = statSync(place).isDirectory();
      cpSync(place, isFolder ? target : path.join(target, path.basename(found)), { recursive: true });
    }
  }
}
