// A RabbitMQ of our own in Docker, for machines without an installed server: one container and its volume.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun, runCommand } from './command.ts';
import { startGuard, type Guard } from './guard.ts';
import { awaitHandshake } from './handshake.ts';
import { startLimitMs, type OwnBroker, type OwnBrokerOptions } from './own-broker.ts';
import { freePort } from './port.ts';

const image = 'rabbitmq:4-alpine';

/** Whether this machine has a Docker client with an engine behind it. */
export async function dockerAnswers(): Promise<boolean> {
  const asked = runCommand('docker', ['version', '--format', '{{.Server.Version}}'], { timeoutMs: 10_000 });
  return await asked.then(
    ({ code }) => code === 0,
    () => false,
  );
}

/** Fetches the image if it is missing, which takes minutes on a slow line. */
export async function pullImage(): Promise<void> {
  const { code } = await runCommand('docker', ['image', 'inspect', image]);
  if (code !== 0) await mustRun('docker', ['pull', '--quiet', image], { timeoutMs: 600_000 });
}

/** Starts a container; if it does not come up, the error contains the end of its log. */
export async function startDockerBroker(options: OwnBrokerOptions): Promise<OwnBroker> {
  await pullImage();
  const port = await freePort();
  const name = `svchost-test-${randomUUID()}`;
  const guard = startGuard();
  guard.set(`docker rm --force --volumes ${name}`);
  const broker = new DockerBroker(name, port, guard);
  try {
    // The host name is part of the data's path: fixed, so that a restart finds it.
    const publish = `127.0.0.1:${port}:5672`;
    await mustRun('docker', [
      'create',
      '--name',
      name,
      '--hostname',
      'svchost-test',
      '--publish',
      publish,
      image,
    ]);
    await copyConfig(name, options.config ?? []);
    await broker.start();
    return broker;
  } catch (error) {
    await broker.close();
    throw error;
  }
}

class DockerBroker implements OwnBroker {
  readonly url: string;
  readonly port: number;
  readonly description: string;
  readonly #name: string;
  readonly #guard: Guard;
  #closed: Promise<void> | undefined;

  constructor(name: string, port: number, guard: Guard) {
    this.#name = name;
    this.#guard = guard;
    this.port = port;
    this.url = `amqp://guest:guest@127.0.0.1:${port}`;
    this.description = `started in Docker as ${name} (${image})`;
  }

  async ctl(...args: readonly string[]): Promise<string> {
    return await mustRun('docker', ['exec', this.#name, 'rabbitmqctl', '-q', ...args]);
  }

  async start(): Promise<void> {
    await mustRun('docker', ['start', this.#name]);
    try {
      await awaitHandshake(this.url, startLimitMs);
    } catch (error) {
      const { stdout, stderr } = await runCommand('docker', ['logs', '--tail', '40', this.#name]);
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(
        `RabbitMQ in Docker did not start (limit ${startLimitMs / 1000} s): ${reason}. The end of its log:\n${stdout}${stderr}`,
        { cause: error },
      );
    }
  }

  async kill(): Promise<void> {
    // A node that does not run cannot be killed, as with a process.
    await runCommand('docker', ['kill', this.#name]);
    await mustRun('docker', ['wait', this.#name]);
  }

  async stop(): Promise<void> {
    await this.resume();
    await mustRun('docker', ['stop', '--time', '30', this.#name]);
  }

  async pause(): Promise<void> {
    await mustRun('docker', ['pause', this.#name]);
  }

  async resume(): Promise<void> {
    // Fails if it is not paused, which is the desired state.
    await runCommand('docker', ['unpause', this.#name]);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await this.resume();
    await runCommand('docker', ['rm', '--force', '--volumes', this.#name]);
    this.#guard.dismiss();
  }
}

async function copyConfig(name: string, config: readonly string[]): Promise<void> {
  if (config.length === 0) return;
  const folder = await mkdtemp(join(tmpdir(), 'svchost-broker-'));
  try {
    const file = join(folder, 'test.conf');
    await writeFile(file, `${config.join('\n')}\n`, { mode: 0o644 });
    // Copied, not mounted: the engine may be on another machine, or see other folders.
    await mustRun('docker', ['cp', file, `${name}:/etc/rabbitmq/conf.d/90-test.conf`]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
