// 100,000 messages through one service: none lost, none done twice, none left, and memory stays flat.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { MessageAdapter } from '../../src/messaging/adapter.ts';
import { expectEmpty, json, rabbitMqBroker, sqliteBroker } from './broker.ts';
import { deferred, host } from './hosted.ts';

const total = 100_000;

/** One in this many fails once, and returns through a wait queue. */
const failing = 100;

/** How many messages are being sent to the broker at once. */
const underway = 500;

/**
 * How much more memory may be in use after the second half than after the first, in bytes: 80 for each message in
 * between.
 */
const allowedGrowth = 4 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe.for([rabbitMqBroker(), sqliteBroker()])('on $name', (broker) => {
  it(
    'a service processes 100,000 messages, each once, in flat memory',
    { timeout: 90_000 },
    async ({ annotate }) => {
      const queue = await broker.queue();
      const done = new Uint8Array(total);
      const inUse: number[] = [];
      let [count, retries] = [0, 0];
      const finished = deferred();
      const startedAt = performance.now();
      const service = await host(broker.adapter(), queue, () => undefined, {
        concurrency: 100,
        // The test's own record of all messages would grow.
        onRecord: () => undefined,
        logLevel: 'info',
        retry: { maxAttempts: 2, initialDelayMs: 1, factor: 1, maxDelayMs: 1 },
        processor: {
          process: (message, { attempt }) => {
            const { id } = message as { id: number };
            if (id % failing === 0 && attempt === 1) {
              retries++;
              throw new Error('once');
            }
            done[id]!++;
            count++;
            if (count >= total / 2 && count % (total / 20) === 0) {
              collectGarbage();
              const { heapUsed, external } = process.memoryUsage();
              inUse.push(heapUsed + external);
            }
            if (count === total) finished.resolve();
          },
        },
      });
      const sender = broker.adapter();
      await sender.connect();
      await sendAll(sender, queue);
      await finished.promise;
      await service.stop();
      const seconds = (performance.now() - startedAt) / 1000;
      // The least of several measurements: messages in flight at one moment are not growth.
      const [half, end] = [Math.min(...inUse.slice(0, 5)), Math.min(...inUse.slice(-5))];
      const growth = `${((end - half) / 1024).toFixed(0)} KiB of ${(end / 1024 / 1024).toFixed(0)} MiB`;
      await annotate(`${broker.name}: ${(total / seconds).toFixed(0)} messages/s, memory grew by ${growth}`);
      expect(done.every((times) => times === 1)).toBe(true);
      expect(retries).toBe(total / failing);
      expect(end - half).toBeLessThan(allowedGrowth);
      await expectEmpty(broker, queue);
      expect(await broker.browse(`${queue}_dead`)).toEqual([]);
    },
  );
});

async function sendAll(sender: MessageAdapter, queue: string): Promise<void> {
  let next = 0;
  const sendSome = async (): Promise<void> => {
    while (next < total)
      await sender.sendMessage(queue, json({ id: next++, text: 'an order like any other' }));
  };
  await Promise.all(Array.from({ length: underway }, sendSome));
}
