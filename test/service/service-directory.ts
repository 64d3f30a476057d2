// A service directory in a temporary folder, run by the built bin as a separate process. Its messages control its
// processor.
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { startHost, type HostProcess, type LogLine } from '../support/host-process.ts';
import { json, type TestBroker } from './broker.ts';
import type { Order } from './fixture/processor.ts';

const processor = fileURLToPath(new URL('fixture/processor.ts', import.meta.url));

/** A service with one queue, which exists. */
export interface ProbeService {
  readonly directory: string;
  readonly queue: string;
  /** Starts a host of it, without waiting for anything. */
  start(env?: Readonly<Record<string, string>>): HostProcess;
  /** Starts a host and waits until it consumes. */
  startConsuming(env?: Readonly<Record<string, string>>): Promise<HostProcess>;
  /** Puts messages on its queue. */
  put(...orders: readonly Order[]): Promise<void>;
  /** The path of a gate, which is shut. */
  gate(name?: string): string;
  /** Opens a gate. */
  open(gate: string): Promise<void>;
}

/** Creates a service, removed after the test. */
export async function makeService(broker: TestBroker): Promise<ProbeService> {
  const directory = await mkdtemp(join(tmpdir(), 'svchost-probe-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await copyFile(processor, join(directory, 'processor.ts'));
  const manifest = { name: 'probe-service', version: '1.2.3', type: 'module', private: true };
  await writeFile(join(directory, 'package.json'), JSON.stringify(manifest));
  const queue = await broker.queue();
  const start = (env: Readonly<Record<string, string>> = {}) =>
    startHost({
      cwd: directory,
      env: {
        ...broker.env(),
        ProbeServiceProcessor_QUEUE_NAME: queue,
        RETRY_INITIAL_DELAY: '0.02',
        RETRY_FACTOR: '1',
        ...env,
      },
    });
  return {
    directory,
    queue,
    start,
    startConsuming: async (env) => {
      const host = start(env);
      await host.waitForLine('consuming queue');
      return host;
    },
    put: async (...orders) => {
      for (const order of orders) await broker.put(queue, json(order));
    },
    gate: (name = 'gate') => join(directory, name),
    open: (gate) => writeFile(gate, ''),
  };
}

/** Waits until the processor has begun a message. */
export async function begun(host: HostProcess, order: string): Promise<void> {
  await host.waitForLine((line) => line['msg'] === 'begun' && line['order'] === order);
}

/** The messages that a host has begun, finished or aborted, by their id, in order. */
export function ordersOf(host: HostProcess, msg: 'begun' | 'finished' | 'aborted'): unknown[] {
  return linesOf(host, msg).map((line) => line['order']);
}

/** All log lines of one event. */
export function linesOf(host: HostProcess, msg: string): LogLine[] {
  return host.lines.filter((line) => line['msg'] === msg);
}
