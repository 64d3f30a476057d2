// The environment: the process's own variables, then the service directory's env files. The one place that reads
// process.env.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import type { Problem } from '../errors.ts';

/** Variables by name, as in `process.env`. */
export type Environment = Record<string, string | undefined>;

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

/**
 * Adds the variables that the env files of a service directory set and `env` does not. A variable that is empty in `env`
 * stays so: that is how a variable of a file is unset.
 *
 * @returns the problems of files that exist but cannot be read
 */
export function loadEnvFiles(directory: string, env: Environment): Problem[] {
  const problems: Problem[] = [];
  for (const file of envFiles) {
    const content = readOptional(path.join(directory, file));
    if (content instanceof Error) {
      problems.push({ name: file, expected: 'a file that can be read', found: content.message });
      continue;
    }
    for (const [name, value] of Object.entries(parseEnvFile(content))) {
      if (env[name] === undefined || isServiceAddress(name, env[name])) env[name] = value;
    }
  }
  return problems;
}

/** The variables of an env file, without the byte order mark that editors on Windows put before the first name. */
export function parseEnvFile(content: string): Environment {
  return parseEnv(content.replace(/^\uFEFF/, ''));
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
