// The environment: the process's own variables, then the service directory's env files. The one place that reads process.env.
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
 * does the address that Kubernetes puts into every container beside a Service: its variable (`RABBITMQ_PORT` for a Service
 * named `rabbitmq`) may have the name of one of ours ("Docker-style" links).
 */
export function isSet(env: Environment, name: string): boolean {
  const value = env[name];
  if (value === undefined || value === '') return false;
  return !(name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value));
}

/**
 * Adds the variables that the env files of a service directory set and `env` does not.
 *
 * @returns the problems of files that are there but cannot be read
 */
export function loadEnvFiles(directory: string, env: Environment): Problem[] {
  const problems: Problem[] = [];
  for (const file of envFiles) {
    const content = readOptional(path.join(directory, file));
    if (content instanceof Error) {
      problems.push({ name: file, expected: 'a file that can be read', found: content.message });
      continue;
    }
    for (const [name, value] of Object.entries(parseEnvFile(content))) env[name] ??= value;
  }
  return problems;
}

/** The variables of an env file. Editors on Windows begin a file with a byte order mark, which is no part of a name. */
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
