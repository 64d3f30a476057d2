// The environment: the process's own variables, then the service directory's env files, then files that hold secrets. The
// one place that reads process.env.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Problem } from '../errors.ts';
import { parseEnvFile, type Environment } from './env-file.ts';

export type { Environment } from './env-file.ts';

/** Read in this order; a variable that is already set wins. */
export const envFiles = ['.env.local', '.env.secrets', '.env'] as const;

/** The process's environment, which env files are read into: a processor reads its own settings there. */
export const processEnvironment: Environment = process.env;

/**
 * Whether a variable counts as set. An empty one does not: compose files and CI settings cannot always omit a name. Nor
 * does a Service's address, which Kubernetes sets in every container ("Docker-style" links): for a Service named
 * `rabbitmq`, its variable is `RABBITMQ_PORT`, the name of one of ours.
 */
export function isSet(env: Environment, name: string): boolean {
  const value = env[name];
  if (value === undefined || value === '') return false;
  return !isServiceAddress(name, value);
}

/** Whether Kubernetes has set the variable. */
function isServiceAddress(name: string, value: string): boolean {
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value);
}

/** What is wrong with the files that belong to an environment. */
export interface FileFindings {
  /** Of files that exist but cannot be read. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/**
 * Adds the variables that the env files of a service directory set and `env` does not. A variable that is empty in `env`
 * stays so: that is how a variable of a file is unset.
 */
export function loadEnvFiles(directory: string, env: Environment): FileFindings {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  for (const file of envFiles) {
    const content = readOptional(path.join(directory, file));
    if (content instanceof Error) {
      problems.push({ name: file, expected: 'a file that can be read', found: content.message });
      continue;
    }
    const { variables, notes } = parseEnvFile(content, env);
    for (const [name, value] of Object.entries(variables)) {
      if (env[name] === undefined || isServiceAddress(name, env[name])) env[name] = value;
    }
    warnings.push(...notes.map((note) => `${file}, ${note}`));
    if ('NODE_OPTIONS' in variables) {
      warnings.push(
        `${file}: NODE_OPTIONS has no effect there, since Node reads it when it starts; ` +
          'set it in the environment of the process',
      );
    }
  }
  return { problems, warnings };
}

/** Variables that were set from a file, by environment: they do not contradict the variable that names the file. */
const fromFiles = new WeakMap<Environment, Set<string>>();

/**
 * Sets each secret whose `<name>_FILE` names a file, as Docker and Kubernetes hand out secrets, to the file's content,
 * without the line end that editors add.
 *
 * @param names the variables that are secret
 */
export function loadSecretFiles(names: readonly string[], env: Environment): Problem[] {
  const loaded = fromFiles.get(env) ?? new Set();
  fromFiles.set(env, loaded);
  return names.flatMap((name) => loadSecretFile(name, env, loaded) ?? []);
}

function loadSecretFile(name: string, env: Environment, loaded: Set<string>): Problem | undefined {
  const fileVariable = secretFileVariable(name);
  const file = env[fileVariable];
  if (file === undefined || file === '') return undefined;
  if (isSet(env, name) && !loaded.has(name)) {
    return { name: fileVariable, expected: `either ${name} or ${fileVariable}`, found: 'both' };
  }
  try {
    env[name] = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    loaded.add(name);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const found = `${JSON.stringify(file)} (${code ?? 'unreadable'})`;
    return { name: fileVariable, expected: 'a file that can be read', found };
  }
}

/** The variable that names the file of a secret. */
export function secretFileVariable(name: string): string {
  return `${name}_FILE`;
}

/** The file's text, empty if there is no file; an error if it cannot be read. */
function readOptional(file: string): string | Error {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    if (failure.code === 'ENOENT' || failure.code === 'ENOTDIR') return '';
    return new Error(failure.code ?? failure.message, { cause: error });
  }
}
