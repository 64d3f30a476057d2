// A RabbitMQ node of our own, from the server installed on this machine: its processes and its folder.
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun } from './command.ts';
import { startEpmd, type Epmd } from './epmd.ts';
import { quote, startGuard, type Guard } from './guard.ts';
import { awaitHandshake } from './handshake.ts';
import type { InstalledServer } from './installed-server.ts';
import { startLimitMs, type OwnBroker, type OwnBrokerOptions } from './own-broker.ts';
import { freePort } from './port.ts';
import { ServerProcess } from './server-process.ts';

/** Starts a node with AMQP alone; if it does not come up, the error contains the end of its log. */
export async function startLocalBroker(
  server: InstalledServer,
  options: OwnBrokerOptions,
): Promise<OwnBroker> {
  const [port, distPort, epmdPort] = [await freePort(), await freePort(), await freePort()];
  const folder = await mkdtemp(join(tmpdir(), 'svchost-broker-'));
  const guard = startGuard();
  guard.set(`rm -rf ${quote(folder)}`);
  try {
    await writeFolder(folder, port, options.config ?? []);
    const env = environment(folder, { port, distPort, epmdPort });
    const broker = new LocalBroker({
      server,
      folder,
      port,
      env,
      guard,
      epmd: await startEpmd(server.epmd, epmdPort, env),
    });
    try {
      await broker.start();
      return broker;
    } catch (error) {
      await broker.close();
      throw error;
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    guard.dismiss();
    throw error;
  }
}

interface Parts {
  readonly server: InstalledServer;
  readonly folder: string;
  readonly port: number;
  readonly env: NodeJS.ProcessEnv;
  readonly guard: Guard;
  readonly epmd: Epmd;
}

/** The Erlang virtual machine is one process, the leader of a group that contains only its own children. */
class LocalBroker implements OwnBroker {
  readonly url: string;
  readonly port: number;
  readonly description: string;
  readonly #parts: Parts;
  readonly #process: ServerProcess;
  #closed: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.port = parts.port;
    this.url = `amqp://guest:guest@127.0.0.1:${parts.port}`;
    this.description = `started from ${parts.server.server} with a data folder of its own`;
    const { server, folder, env, guard, epmd } = parts;
    this.#process = new ServerProcess({
      file: server.server,
      args: [],
      cwd: folder,
      env,
      logFile: join(folder, 'rabbit.log'),
      awaitReady: (ended) => awaitHandshake(this.url, startLimitMs, ended),
      onStart: (pid) => guard.set(`kill -s KILL -- -${pid} ${epmd.pid}; sleep 1; rm -rf ${quote(folder)}`),
    });
  }

  async ctl(...args: readonly string[]): Promise<string> {
    // After the end, rabbitmqctl would start a port mapper of its own, and leave it behind.
    if (this.#closed !== undefined) throw new Error('this broker is closed');
    const { server, env } = this.#parts;
    return await mustRun(server.ctl, ['-q', '-n', env.RABBITMQ_NODENAME ?? '', ...args], { env });
  }

  async start(): Promise<void> {
    if (this.#closed !== undefined) throw new Error('this broker is closed');
    await this.#process.start();
  }

  async kill(): Promise<void> {
    await this.#process.end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.resume();
    await this.#process.end('SIGTERM');
  }

  pause(): Promise<void> {
    this.#process.signal('SIGSTOP');
    return Promise.resolve();
  }

  resume(): Promise<void> {
    this.#process.signal('SIGCONT');
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const { folder, guard, epmd } = this.#parts;
    await this.kill();
    await epmd.stop();
    // Children of the virtual machine end a moment after it, and may still be writing.
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    guard.dismiss();
  }
}

async function writeFolder(folder: string, port: number, config: readonly string[]): Promise<void> {
  await mkdir(join(folder, 'conf.d'));
  const lines = [`listeners.tcp.1 = 127.0.0.1:${port}`, ...config];
  await writeFile(join(folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`);
  await writeFile(join(folder, 'advanced.config'), '[].\n');
  await writeFile(join(folder, 'enabled_plugins'), '[].\n');
  await writeFile(join(folder, 'rabbitmq-env.conf'), '');
  // With a cookie of its own: no other node or rabbitmqctl can reach it, nor can it reach them.
  await writeFile(join(folder, '.erlang.cookie'), randomBytes(20).toString('hex'), { mode: 0o400 });
}

/** The whole environment of the node and of its rabbitmqctl: no setting of the machine's own broker gets in. */
function environment(
  folder: string,
  ports: { readonly port: number; readonly distPort: number; readonly epmdPort: number },
): NodeJS.ProcessEnv {
  const loopback = '-kernel inet_dist_use_interface {127,0,0,1}';
  return {
    PATH: `${process.env.PATH ?? ''}:/usr/local/bin:/usr/bin:/bin`,
    HOME: folder,
    LANG: 'C.UTF-8',
    ERL_EPMD_PORT: String(ports.epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_CRASH_DUMP_SECONDS: '0',
    // The script then becomes the virtual machine instead of waiting for it, so that the child's pid is the broker's.
    RUNNING_UNDER_SYSTEMD: '1',
    RABBITMQ_NODENAME: `svchost-test-${ports.port}@localhost`,
    RABBITMQ_DIST_PORT: String(ports.distPort),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: loopback,
    RABBITMQ_CTL_ERL_ARGS: loopback,
    // Any free port, since the default range has room for only ten of them at once.
    RABBITMQ_CTL_DIST_PORT_MIN: '0',
    RABBITMQ_CTL_DIST_PORT_MAX: '0',
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_SCHEMA_DIR: join(folder, 'schema'),
    RABBITMQ_PLUGINS_EXPAND_DIR: join(folder, 'plugins'),
    RABBITMQ_LOG_BASE: folder,
    // To standard output, which is a file of ours: that includes messages from before logging is set up.
    RABBITMQ_LOGS: '-',
    RABBITMQ_PID_FILE: join(folder, 'rabbit.pid'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONFIG_FILES: join(folder, 'conf.d'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
  };
}
