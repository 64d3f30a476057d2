// Builds a service into an image, in two steps of the Dockerfile: its dependencies, then its sources. Sets the exit code.
import { BuildFault } from './fault.ts';
import { installDependencies } from './dependencies.ts';
import { readRequest } from './request.ts';
import { addSources } from './sources.ts';

// Files from npm and from copying: any user may read them, only root may write them.
process.umask(0o022);
try {
  const request = readRequest(process.argv.slice(2), process.env);
  if (request.step === 'dependencies') installDependencies(request);
  else addSources(request);
} catch (error) {
  if (!(error instanceof BuildFault)) throw error;
  console.error(`svchost image: ${error.message}`);
  process.exitCode = 1;
}
