// Runs in a process of its own: calls `run` in a service directory once for each environment that it is given, and prints
// the exit codes between the log lines.
import { run } from '../../src/host/host.ts';

const { directory, environments } = JSON.parse(process.argv[2] ?? '{}') as {
  readonly directory: string;
  readonly environments: readonly Readonly<Record<string, string>>[];
};

for (const [index, env] of environments.entries()) {
  for (const name of Object.keys(process.env)) if (name !== 'PATH') Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, env);
  const code = await run(directory, 'service');
  console.log(JSON.stringify({ index, code }));
}
