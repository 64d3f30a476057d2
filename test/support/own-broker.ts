// A RabbitMQ for one test alone, to be killed, frozen and restarted. Declares its interface, and chooses how to create
// it.
import { installServer, mayInstall } from './apt.ts';
import { dockerAnswers, pullImage, startDockerBroker } from './docker-broker.ts';
import { debianRabbitMq, findInstalledServer } from './installed-server.ts';
import { startLocalBroker } from './local-broker.ts';
import { NoBrokerError, rabbitMqAdvice, strategiesFor, type Facts } from './strategy.ts';

/** How long a broker may take to accept connections, in milliseconds. */
export const startLimitMs = 60_000;

/** Options of a broker. */
export interface OwnBrokerOptions {
  /** Further lines of its rabbitmq.conf, such as `consumer_timeout = 60000`. */
  readonly config?: readonly string[];
}

/** One RabbitMQ node that nobody else uses. Each method resolves when its effect has happened. */
export interface OwnBroker extends AsyncDisposable {
  /** With user and password. */
  readonly url: string;
  readonly port: number;
  /** Its origin, for people. */
  readonly description: string;
  /** Runs rabbitmqctl against the node; resolves with its output, rejects if it failed. */
  ctl(...args: readonly string[]): Promise<string>;
  /** SIGKILL, like a power failure. Messages confirmed as persistent are still there after `start`. */
  kill(): Promise<void>;
  /** Shuts down in order: clients get CONNECTION_FORCED. */
  stop(): Promise<void>;
  /** Starts it again after `kill` or `stop`, on the same port and data; does nothing while it runs. */
  start(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it and deletes its data. Idempotent; nothing else may be called afterwards. */
  close(): Promise<void>;
}

/**
 * Starts a broker for the caller alone, which takes about 5 s from an installed server; several may run at once. Call
 * `close`, or bind it with `await using`; if the test process is killed, a guard beside it cleans up.
 *
 * @throws NoBrokerError with the remedy, if no broker can be created
 */
export async function startOwnBroker(options: OwnBrokerOptions = {}): Promise<OwnBroker> {
  const facts = await lookAround();
  const tried = unavailable(facts);
  const causes: unknown[] = [];
  for (const strategy of strategiesFor({ ...facts, url: false, running: false })) {
    try {
      if (strategy === 'docker') return await startDockerBroker(options);
      if (strategy === 'apt') await installServer(debianRabbitMq);
      return await startLocalBroker(requireServer(), options);
    } catch (error) {
      causes.push(error);
      tried.push(`${strategy}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new NoBrokerError(rabbitMqAdvice, tried, { cause: new AggregateError(causes) });
}

/**
 * Does steps in advance that may take minutes (pulling an image, installing the package), so that no test's time limit
 * has to cover them. Rejects if they fail; resolves if nothing has to be done, or nothing can be done.
 */
export async function prepareOwnBroker(): Promise<void> {
  const [strategy] = strategiesFor({ ...(await lookAround()), url: false, running: false });
  if (strategy === 'docker') await pullImage();
  if (strategy === 'apt') await installServer(debianRabbitMq);
}

type LocalFacts = Pick<Facts, 'installed' | 'docker' | 'apt'>;

/** The means for creating a broker. */
export async function lookAround(): Promise<LocalFacts> {
  const installed = findInstalledServer() !== undefined;
  // Asking Docker takes a while, and is useless if a server is installed.
  return { installed, docker: !installed && (await dockerAnswers()), apt: mayInstall() };
}

function unavailable(facts: LocalFacts): string[] {
  const lines: string[] = [];
  if (!facts.installed) lines.push('no rabbitmq-server is installed (looked in PATH and the usual folders)');
  if (!facts.installed && !facts.docker) lines.push('no Docker engine answers');
  if (!facts.apt) lines.push('no package can be installed: that needs root and apt-get');
  return lines;
}

function requireServer() {
  const server = findInstalledServer();
  if (server === undefined) throw new Error('rabbitmq-server was installed, but its programs were not found');
  return server;
}
