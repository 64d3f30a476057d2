// A NATS server of a test's own, to be killed, frozen and restarted; and the one that all tests share.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { installServer, mayInstall } from './apt.ts';
import { reason, type Broker, type BrokerSearch } from './broker.ts';
import { quote, startGuard, type Guard } from './guard.ts';
import { withoutPassword } from './handshake.ts';
import { debianNats, findNatsServer } from './installed-server.ts';
import { startLimitMs } from './own-broker.ts';
import { freePort } from './port.ts';
import { ServerProcess } from './server-process.ts';
import { natsAdvice, NoBrokerError, strategiesFor, type Facts } from './strategy.ts';

export interface OwnNatsOptions {
  /** Further arguments of nats-server. */
  readonly args?: readonly string[];
  /** Default: with JetStream. */
  readonly hasJetStream?: boolean;
  /** Required to connect; `config` is the path of a configuration file that contains it. */
  readonly login?: { readonly username: string; readonly password: string; readonly config?: string };
}

/** A NATS server that nobody else uses. */
export interface OwnNats extends AsyncDisposable {
  /** With user and password. */
  readonly url: string;
  readonly port: number;
  readonly description: string;
  /** SIGKILL. Stored messages survive until `start`. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same port and data; does nothing while it runs. */
  start(): Promise<void>;
  /** SIGSTOP: connections stay open, and the server does not answer. */
  pause(): void;
  resume(): void;
  /** Ends it and deletes its data. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a server for the caller alone; several may run at once. Should the test process be killed, a guard beside it cleans
 * up.
 *
 * @throws NoBrokerError there is no way to get one; the error names the remedy
 */
export async function startOwnNats(options: OwnNatsOptions = {}): Promise<OwnNats> {
  const facts = lookAround();
  const tried: string[] = [];
  for (const strategy of strategiesFor({ ...facts, url: false, running: false })) {
    try {
      if (strategy === 'apt') await installServer(debianNats);
      return await startLocalNats(findNatsServer(), options);
    } catch (error) {
      tried.push(`${strategy}: ${reason(error)}`);
    }
  }
  if (!facts.installed) tried.push('no nats-server is installed (looked in PATH and the usual folders)');
  if (!facts.apt) tried.push('no package can be installed: that needs root and apt-get');
  throw new NoBrokerError(natsAdvice, tried);
}

/**
 * The server at `url`, else the running one at `localUrl`, else one of our own; see strategy.ts for the order.
 *
 * @throws NoBrokerError there is no way to get one, or the server at `url` refuses the connection
 */
export async function provideNats(search: BrokerSearch): Promise<Broker> {
  const { url = '', localUrl = 'nats://127.0.0.1:4222', waitMs = 30_000 } = search;
  const asked = url === '' ? localUrl : url;
  let refusal: unknown;
  const version = await (url === '' ? greet(asked) : awaitGreeting(asked, waitMs)).catch(
    (error: unknown) => void (refusal = error),
  );
  const facts: Facts = { ...lookAround(), url: url !== '', running: version !== undefined };
  const [strategy] = strategiesFor(facts);
  if (version !== undefined && (strategy === 'url' || strategy === 'running')) {
    const origin = strategy === 'url' ? 'named by NATS_URL' : 'already running';
    const description = `NATS ${version} at ${withoutPassword(asked)}, ${origin}`;
    return { url: asked, description, close: () => Promise.resolve() };
  }
  const why = `${url === '' ? 'NATS_URL is not set, and ' : 'NATS_URL is '}${withoutPassword(asked)}: ${reason(refusal)}`;
  if (strategy === 'url') throw new NoBrokerError(natsAdvice, [why], { cause: refusal });
  return await startOwnNats().catch((error: unknown) => {
    throw error instanceof NoBrokerError ? error.after(why) : error;
  });
}

/** Connects, asks for JetStream, and returns the server's version. */
export async function greet(url: string): Promise<string> {
  const { host, username, password } = new URL(url);
  const login = username !== '' && { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  const nc = await connect({ servers: host, reconnect: false, timeout: 2000, ...login });
  try {
    await jetstreamManager(nc, { timeout: 2000 });
    return nc.info?.version ?? '';
  } finally {
    await nc.close();
  }
}

async function awaitGreeting(url: string, withinMs: number, signal?: AbortSignal): Promise<string> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await greet(url);
    } catch (error) {
      signal?.throwIfAborted();
      if (performance.now() >= deadline || /authorization/i.test(reason(error))) throw error;
    }
    // A listener that appears in another process emits no event.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function lookAround(): Pick<Facts, 'installed' | 'docker' | 'apt'> {
  return { installed: findNatsServer() !== undefined, docker: false, apt: mayInstall() };
}

async function startLocalNats(program: string | undefined, options: OwnNatsOptions): Promise<OwnNats> {
  if (program === undefined) throw new Error('nats-server was installed, but its program was not found');
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'svchost-nats-'));
  const guard = startGuard();
  guard.set(`rm -rf ${quote(folder)}`);
  const server = new LocalNats({ program, port, folder, guard, options });
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

interface Parts {
  readonly program: string;
  readonly port: number;
  readonly folder: string;
  readonly guard: Guard;
  readonly options: OwnNatsOptions;
}

class LocalNats implements OwnNats {
  readonly url: string;
  readonly port: number;
  readonly description: string;
  readonly #parts: Parts;
  readonly #process: ServerProcess;
  #closed: Promise<void> | undefined;

  constructor(parts: Parts) {
    const { program, port, folder, guard, options } = parts;
    const { login, hasJetStream = true, args = [] } = options;
    this.#parts = parts;
    this.port = port;
    const user = login ? `${encodeURIComponent(login.username)}:${encodeURIComponent(login.password)}@` : '';
    this.url = `nats://${user}127.0.0.1:${port}`;
    this.description = `started from ${program} with a data folder of its own`;
    this.#process = new ServerProcess({
      file: program,
      args: [
        ...['-a', '127.0.0.1', '-p', String(port)],
        ...(hasJetStream ? ['-js', '-sd', folder] : []),
        ...loginArgs(login),
        ...args,
      ],
      cwd: folder,
      env: { PATH: process.env.PATH },
      logFile: join(folder, 'nats.log'),
      awaitReady: (ended) =>
        hasJetStream && !args.includes('--tls')
          ? awaitGreeting(this.url, startLimitMs, ended)
          : awaitListener(port, ended),
      onStart: (pid) => guard.set(`kill -s KILL -- -${pid}; sleep 1; rm -rf ${quote(folder)}`),
    });
  }

  async start(): Promise<void> {
    if (this.#closed !== undefined) throw new Error('this server is closed');
    await this.#process.start();
  }

  async kill(): Promise<void> {
    await this.#process.end('SIGKILL');
  }

  pause(): void {
    this.#process.signal('SIGSTOP');
  }

  resume(): void {
    this.#process.signal('SIGCONT');
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await this.kill();
    await rm(this.#parts.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    this.#parts.guard.dismiss();
  }
}

function loginArgs(login: OwnNatsOptions['login']): string[] {
  if (!login) return [];
  const { username, password, config } = login;
  return config === undefined ? ['--user', username, '--pass', password] : ['-c', config];
}

/** Waits for the INFO line with which the server greets every client, even with TLS or without JetStream. */
async function awaitListener(port: number, ended: AbortSignal): Promise<void> {
  for (;;) {
    const socket = connectTcp(port, '127.0.0.1');
    const isThere = await once(socket, 'data').then(
      () => true,
      () => false,
    );
    socket.destroy();
    ended.throwIfAborted();
    if (isThere) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
