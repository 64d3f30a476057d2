// A RabbitMQ of a test's own, to be killed, frozen and restarted. Owns the contract and the choice of how it is made.
import { installServer, mayInstall } from './apt.ts';
import { dockerAnswers, pullImage, startDockerBroker } from './docker-broker.ts';
import { debianRabbitMq, findInstalledServer } from './installed-server.ts';
import { startLocalBroker } from './local-broker.ts';
import { NoBrokerError, rabbitMqAdvice, strategiesFor, type Facts } from './strategy.ts';

/** How long a broker may take to accept connections, in milliseconds. */
export const startLimitMs = 60_000;

export interface OwnBrokerOptions {
  /** Further lines of its rabbitmq.conf, e.g. `consumer_timeout = 60000`. */
  readonly config?: readonly string[];
}

/** One RabbitMQ node that nobody else uses. All methods resolve when the thing has happened. */
export interface OwnBroker extends AsyncDisposable {
  /** With user and password. */
  readonly url: string;
  readonly port: number;
  /** Where it came from, for people. */
  readonly description: string;
  /** Runs rabbitmqctl against the node; resolves with what it printed, rejects where it failed. */
  ctl(...args: readonly string[]): Promise<string>;
  /** SIGKILL: a power cut. What was confirmed as persistent is still there after `start`. */
  kill(): Promise<void>;
  /** Shuts down in order: clients are told CONNECTION_FORCED. */
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
 * Starts a broker for the caller alone, about 5 s from an installed server; several may run at once. Call `close`, or
 * bind it with `await using`; should the test process be killed, a guard beside it cleans up.
 *
 * @throws NoBrokerError with what to do, where there is no way to one
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
 * Does beforehand what may take minutes (pulling an image, installing the package), so that no test's time limit has to
 * cover it. Rejects where that fails; resolves where there is nothing to do, or nothing that could be done.
 */
export async function prepareOwnBroker(): Promise<void> {
  const [strategy] = strategiesFor({ ...(await lookAround()), url: false, running: false });
  if (strategy === 'docker') await pullImage();
  if (strategy === 'apt') await installServer(debianRabbitMq);
}

type LocalFacts = Pick<Facts, 'installed' | 'docker' | 'apt'>;

/** What there is to make a broker from. */
export async function lookAround(): Promise<LocalFacts> {
  const installed = findInstalledServer() !== undefined;
  // Asking Docker takes a while, and is of no use where a server is installed.
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
