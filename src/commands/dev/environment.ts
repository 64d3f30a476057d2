// The environment of a service under `svchost dev`: the variables that are set, and dev's defaults for the rest.
import { isSet, loadEnvFiles, type Environment } from '../../config/environment.ts';

/**
 * Adds to `env` the variables of a service directory's env files, then dev's defaults. Files that cannot be read are
 * reported when the service is resolved.
 */
export function loadDevEnvironment(directory: string, env: Environment): void {
  loadEnvFiles(directory, env);
  assume(env, 'NODE_ENV', 'development');
  assume(env, 'LOG_FORMAT', 'pretty');
  // Outside production the embedded queue is the default already, with a warning if that looks like a mistake. In
  // production it must be named; but `svchost dev` is never production, even if NODE_ENV says so for a trial.
  if (env['NODE_ENV'] === 'production') assume(env, 'MESSAGING_TYPE', 'SqliteConnection');
}

/** Sets a variable unless it is set. */
function assume(env: Environment, name: string, value: string): void {
  if (!isSet(env, name)) env[name] = value;
}
