// CRON_REPLICAS=once against real brokers: each occurrence runs once among all replicas, or is reported as skipped.
import { connect } from 'amqplib';
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { isClaiming } from '../../src/messaging/capability.ts';
import { openAdapter } from '../../src/messaging/open.ts';
import { occurrenceQueueName } from '../../src/messaging/rabbitmq/occurrence.ts';
import { readSettings } from '../../src/config/settings.ts';
import { testContext } from '../support/context.ts';
import { startHost, type HostProcess } from '../support/host-process.ts';
import { deleteQueues, uniqueQueueName } from '../support/queue.ts';
import { startRelay } from '../support/tcp-relay.ts';
import { createScheduledService, every } from './service.ts';

type Env = Readonly<Record<string, string>>;

interface Broker {
  readonly name: string;
  readonly env: () => Env;
}

const rabbitMq: Broker = {
  name: 'RabbitMQ',
  env: () => ({ MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_URL: inject('rabbitMqUrl') }),
};
const nats: Broker = {
  name: 'NATS',
  env: () => ({ MESSAGING_TYPE: 'NatsConnection', NATS_URL: inject('natsUrl') }),
};
const sqlite: Broker = { name: 'SQLite', env: () => ({ MESSAGING_TYPE: 'SqliteConnection' }) };

/** The occurrences that a host has begun to run. */
function ranBy(host: HostProcess): string[] {
  return host.lines.filter(({ msg }) => msg === 'run begun').map(({ scheduledFor }) => String(scheduledFor));
}

/** The occurrences that it has reported as skipped. */
function skippedBy(host: HostProcess): string[] {
  const lines = host.lines.filter(({ msg }) => msg === 'occurrence skipped');
  return lines.flatMap(({ scheduledFor, skipped }) => {
    const first = Date.parse(String(scheduledFor));
    return Array.from({ length: Number(skipped) }, (_, index) =>
      new Date(first + index * stepMs).toISOString(),
    );
  });
}

const stepMs = 500;

/** A service with a unique name, so that tests running beside it share nothing with it. */
function createReplicated(): { cwd: string; name: string; schedule: string } {
  const name = uniqueQueueName('clock');
  const cwd = createScheduledService({ 'package.json': { name, version: '1.0.0', type: 'module' } });
  return { cwd, name, schedule: `${name}_schedule` };
}

/** Has the claims of some occurrences deleted at the end; the broker would do so by itself, but later. */
function deleteClaims(schedule: string, occurrences: () => readonly string[]): void {
  onTestFinished(async () => {
    const names = occurrences().map((instant) => occurrenceQueueName(schedule, new Date(instant)));
    await deleteQueues(inject('rabbitMqUrl'), ...new Set(names));
  });
}

function start(cwd: string, env: Env): HostProcess {
  return startHost({ cwd, env: { ...every(String(stepMs / 1000)), CRON_REPLICAS: 'once', ...env } });
}

describe.each([rabbitMq, nats, sqlite])('with $name', ({ name, env }) => {
  it('two replicas, one killed in between, run each occurrence once', async () => {
    const { cwd, schedule } = createReplicated();
    const [one, two] = [start(cwd, env()), start(cwd, env())];
    if (name === 'RabbitMQ') deleteClaims(schedule, () => [...ranBy(one), ...ranBy(two)]);
    const total = () => ranBy(one).length + ranBy(two).length;
    await vi.waitUntil(() => total() >= 5, { timeout: 20_000, interval: 20 });
    // The one that ran last: if it matters which one runs, killing that one is the hardest case.
    const victim = ranBy(one).length > 0 ? one : two;
    const survivor = victim === one ? two : one;
    victim.signal('SIGKILL');
    expect((await victim.exited).signal).toBe('SIGKILL');
    const before = ranBy(survivor).length;
    await vi.waitUntil(() => ranBy(survivor).length >= before + 5, { timeout: 20_000, interval: 20 });
    survivor.signal('SIGTERM');
    expect(await survivor.exited).toEqual({ code: 0, signal: null });

    const ran = [...ranBy(one), ...ranBy(two)].sort();
    expect(new Set(ran).size).toBe(ran.length);
    // From the first to the last, each occurrence of the grid ran, or was reported by a replica that did not run it.
    const known = new Set([...ran, ...skippedBy(one), ...skippedBy(two)]);
    const [first, last] = [Date.parse(ran[0]!), Date.parse(ran.at(-1)!)];
    for (let instant = first; instant <= last; instant += stepMs) {
      expect(known).toContain(new Date(instant).toISOString());
    }
    expect(survivor.lines.at(-1)).toMatchObject({ msg: 'stopped' });
  });
});

describe('a claim', () => {
  /** Connections of that many replicas. */
  async function openAll(count: number, env: Env, directory: string) {
    const { settings } = readSettings(env, { serviceDirectory: directory, isTerminal: false });
    const context = testContext({ connectionName: 'replica' });
    const adapters = await Promise.all(
      Array.from({ length: count }, () => openAdapter(settings.messaging, context)),
    );
    onTestFinished(async () => {
      await Promise.all(adapters.map((adapter) => adapter.close()));
    });
    for (const adapter of adapters) await adapter.connect();
    return adapters.filter(isClaiming);
  }

  it.each([rabbitMq, nats, sqlite])(
    'on $name is won by one of ten who ask at once, and by nobody later',
    async (broker) => {
      const { cwd, schedule } = createReplicated();
      const adapters = await openAll(10, broker.env(), cwd);
      const occurrences = Array.from({ length: 10 }, (_, index) => new Date(Date.UTC(2026, 0, 1, index)));
      if (broker === rabbitMq) deleteClaims(schedule, () => occurrences.map((date) => date.toISOString()));
      for (const occurrence of occurrences) {
        const claims = adapters.map((adapter) => adapter.claimOccurrence(schedule, occurrence));
        expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
      }
      for (const adapter of adapters.splice(0, 9)) await adapter.close();
      for (const occurrence of occurrences) {
        expect(await adapters[0]!.claimOccurrence(schedule, occurrence)).toBe(false);
      }
    },
  );

  it('on RabbitMQ is one durable message in a queue that the broker deletes by itself', async () => {
    const { cwd, schedule } = createReplicated();
    const [adapter] = await openAll(1, rabbitMq.env(), cwd);
    const occurrence = new Date('2026-01-01T00:00:00Z');
    deleteClaims(schedule, () => [occurrence.toISOString()]);
    expect(await adapter!.claimOccurrence(schedule, occurrence)).toBe(true);
    const connection = await connect(inject('rabbitMqUrl'));
    onTestFinished(() => connection.close());
    const channel = await connection.createChannel();
    const message = await channel.get(`${schedule}_2026-01-01T00:00:00.000Z`);
    expect(message).toMatchObject({ properties: { deliveryMode: 2 } });
    await channel.close();
  });
});

describe('while the broker is away', () => {
  it('nothing runs, each occurrence is reported as skipped, and the schedule continues when it is back', async () => {
    const { cwd, schedule } = createReplicated();
    const url = new URL(inject('rabbitMqUrl'));
    await using relay = await startRelay(Number(url.port || 5672), url.hostname);
    const away = { MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_URL: relayed(url, relay.port) };
    const [cut, other] = [start(cwd, away), start(cwd, rabbitMq.env())];
    deleteClaims(schedule, () => [...ranBy(cut), ...ranBy(other), ...skippedBy(cut)]);
    await cut.waitForLine('connected');
    await vi.waitUntil(() => ranBy(cut).length + ranBy(other).length >= 3, { timeout: 20_000, interval: 20 });
    await relay.refuse();
    relay.reset();
    await cut.waitForLine('connection lost');
    const ranBefore = ranBy(cut).length;
    await cut.waitForLine('occurrence skipped');
    expect(ranBy(cut)).toHaveLength(ranBefore);
    await relay.accept();
    await cut.waitForLine('reconnected', 40_000);
    other.signal('SIGTERM');
    await other.exited;
    // Alone now, so it claims the next ones itself.
    await vi.waitUntil(() => ranBy(cut).length > ranBefore, { timeout: 20_000, interval: 20 });
    cut.signal('SIGTERM');
    expect(await cut.exited).toEqual({ code: 0, signal: null });
    const ran = [...ranBy(cut), ...ranBy(other)];
    expect(new Set(ran).size).toBe(ran.length);
  });

  it('from the start, nothing runs and each occurrence is reported as skipped', async () => {
    const { cwd } = createReplicated();
    const env = { MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_HOST: '127.0.0.1', RABBITMQ_PORT: '1' };
    const host = start(cwd, env);
    const line = await host.waitForLine('occurrence skipped');
    expect(line).toMatchObject({
      cause: 'it could not be claimed',
      error: { message: expect.stringContaining('does not answer') as unknown },
      skipped: 1,
    });
    expect(ranBy(host)).toEqual([]);
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
  });

  it('for good, for example because it refuses the credentials, the service ends with 69', async () => {
    const { cwd } = createReplicated();
    const url = new URL(inject('rabbitMqUrl'));
    url.password = 'wrong';
    const host = start(cwd, { MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_URL: url.href });
    expect(await host.exited).toEqual({ code: 69, signal: null });
    expect(ranBy(host)).toEqual([]);
  });
});

function relayed(url: URL, port: number): string {
  return `amqp://${url.username}:${url.password}@127.0.0.1:${port}${url.pathname}`;
}
