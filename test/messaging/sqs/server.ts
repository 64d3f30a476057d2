// An SQS-speaking server in this process (fauxqs), reached over HTTP. One per test file.
import { startFauxqs, type FauxqsServer } from 'fauxqs';

export const region = 'eu-central-1';

export const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

export function startServer(): Promise<FauxqsServer> {
  return startFauxqs({ port: 0, logger: false, defaultRegion: region });
}

export type { FauxqsServer } from 'fauxqs';
