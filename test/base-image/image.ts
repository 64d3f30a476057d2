// The build of a service as a builder of images carries it out, without one: the COPY lines of the real Dockerfile, then
// the two steps of the real script. Owns the folders; a test gets what would be /app.
import { cpSync, globSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTree, type Tree } from '../processor/tree.ts';
import { runCommand } from '../support/command.ts';
import type { Registry } from './registry.ts';

const source = fileURLToPath(new URL('../../base-image', import.meta.url));

/** A build context and what it is built with. */
export interface Build {
  readonly registry: Registry;
  /** The build arguments; SVC_ROOT_DIR is `.` unless said otherwise. */
  readonly args?: Readonly<Record<string, string>>;
  /** What the builder writes into the containers of the two steps; default: as BuildKit, nothing. */
  readonly containers?: readonly [string, string];
}

export interface BuiltImage {
  /** The context's place in the image. */
  readonly app: string;
  /** What the two steps wrote; of the second it is empty where the first failed. */
  readonly dependencies: string;
  readonly sources: string;
  /** Of the step that failed, or 0. */
  readonly code: number | null;
  /** How many requests each step made to the registry. */
  readonly requests: readonly [number, number];
}

/** Builds a context that a test has made. */
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

/** Like `buildImage`, for a context given as a tree and a build that must succeed. */
export async function buildTree(tree: Tree, build: Build): Promise<BuiltImage> {
  const image = await buildImage(createTree(tree), build);
  if (image.code !== 0) throw new Error(`the build failed:\n${image.dependencies}${image.sources}`);
  return image;
}

/** As in the image, and with npm kept to the test's registry and folders. */
export function environment({ url, cache }: Registry): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: path.dirname(cache),
    NODE_ENV: 'production',
    npm_config_registry: url,
    npm_config_cache: cache,
  };
}

/** Carries out the COPY lines of the Dockerfile: what a pattern matches goes into the folder, of a folder its content. */
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
