// Builds a service into an image, in two steps of the Dockerfile: its dependencies, then its sources. Owns the exit code.
import { BuildFault } from './fault.ts';
import { installDependencies } from './dependencies.ts';
import { readRequest } from './request.ts';
import { addSources } from './sources.ts';

// What npm and the copying make is for any user to read, and for root alone to write.
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
