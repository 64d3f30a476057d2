// An SQS-speaking server in this process (fauxqs), reached over HTTP by this machine alone. One per test file.
import { Server } from 'node:net';
import { startFauxqs, type FauxqsServer } from 'fauxqs';

/** The region of the server. */
export const region = 'eu-central-1';

/** The credentials of the tests; the server accepts any. */
export const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

// fauxqs always listens on all addresses (its app.js): in this process that means loopback from now on.
const listen = Object.getOwnPropertyDescriptor(Server.prototype, 'listen')!;
const original = listen.value as (this: Server, ...args: unknown[]) => Server;
Object.defineProperty(Server.prototype, 'listen', {
  ...listen,
  value(this: Server, options: unknown, ...rest: unknown[]): Server {
    return original.call(this, isEverywhere(options) ? { ...options, host: '127.0.0.1' } : options, ...rest);
  },
});

function isEverywhere(options: unknown): options is object {
  return typeof options === 'object' && options !== null && 'host' in options && options.host === '0.0.0.0';
}

/** Starts a server on a free port. */
export function startServer(): Promise<FauxqsServer> {
  return startFauxqs({ port: 0, logger: false, defaultRegion: region });
}

export type { FauxqsServer } from 'fauxqs';
