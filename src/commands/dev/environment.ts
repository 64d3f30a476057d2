// The environment of a service under `svchost dev`: what is set, and what dev assumes where nothing is.
import { loadEnvFiles, type Environment } from '../../config/environment.ts';

/**
 * Adds to `env` what the env files of a service directory set, then what dev assumes. Files that cannot be read are
 * reported where the service is resolved.
 */
export function loadDevEnvironment(directory: string, env: Environment): void {
  loadEnvFiles(directory, env);
  assume(env, 'NODE_ENV', 'development');
  assume(env, 'LOG_FORMAT', 'pretty');
  // Elsewhere the embedded queue is the default already, with a warning where it looks like a slip. In production it
  // must be named; but who types `svchost dev` is not in production, whatever NODE_ENV is set to for a trial.
  if (env['NODE_ENV'] === 'production') assume(env, 'MESSAGING_TYPE', 'SqliteConnection');
}

/** An empty variable is an unset one, as in settings.ts. */
function assume(env: Environment, name: string, value: string): void {
  if (env[name] === undefined || env[name] === '') env[name] = value;
}
