// One host of a queue's file, as a process that tests start and kill. Prints a line for each thing that it does. Usage:
// node child.ts <role> <path> <queue>
import { writeSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import type { Consumer, Delivery } from '../../../src/messaging/adapter.ts';
import { systemClock } from '../../../src/clock.ts';
import { SqliteConnection } from '../../../src/messaging/sqlite/connection.ts';
import { pino } from 'pino';
import { logEvents } from '../../../src/service/event-log.ts';
import { ServiceEvents } from '../../../src/service/events.ts';

const [role = '', path = '', queue = ''] = process.argv.slice(2);
/** Resolves at the first warning. */
const trouble: PromiseWithResolvers<void> = Promise.withResolvers();
const write = (line: string) => {
  say(`log ${line.trim()}`);
  trouble.resolve();
};
const log = pino({ level: 'warn', base: null }, { write });
const events = new ServiceEvents();
logEvents(events, log);
// Short, since these hosts are killed, and the next one must not wait for long.
const adapter = new SqliteConnection(
  { path, leaseMs: 500 },
  { connectionName: 'child', log, clock: systemClock, emit: (event) => events.emit(event) },
);

/**
 * At once, since a killed process flushes nothing. Nothing here may open process.stdout, which would then no longer
 * block.
 */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function consume(onDelivery: (delivery: Delivery) => void, concurrency: number): Promise<Consumer> {
  return adapter.consumeMessages(queue, onDelivery, {
    concurrency,
    deadLetterQueueName: `${queue}_dead`,
    onFailure: (error) => say(`failed ${error.message}`),
  });
}

const roles: Record<string, () => Promise<void>> = {
  /** Sends one message, and ends. */
  async once() {
    await adapter.ensureQueue(queue);
    await adapter.sendMessage(queue, new Uint8Array(1));
    await adapter.close();
  },

  /** Sends until it is killed, several messages at once. */
  async send() {
    await adapter.ensureQueue(queue);
    for (;;) {
      const ids = Array.from({ length: 5 }, () => randomUUID());
      await Promise.all(
        ids.map(async (messageId) => {
          await adapter.sendMessage(queue, new Uint8Array(500), { messageId });
          say(`sent ${messageId}`);
        }),
      );
    }
  },

  /** Consumes until it is killed. */
  async consume() {
    await consume((delivery) => {
      say(`got ${delivery.messageId}`);
      void delivery.settle({ kind: 'done' }).then(() => say(`done ${delivery.messageId}`));
    }, 5);
  },

  /** Consumes one message and keeps it until it is killed. */
  async hold() {
    await consume((delivery) => say(`got ${delivery.messageId} ${delivery.attempt}.${delivery.crashes}`), 1);
  },

  /** Holds one message, sends until the disk is completely full, and then settles the one. */
  async fill() {
    await adapter.ensureQueue(queue);
    await adapter.sendMessage(queue, new Uint8Array(1), { messageId: 'held' });
    const { promise: delivered, resolve, reject } = Promise.withResolvers<Delivery>();
    consume(resolve, 1).catch(reject);
    const held = await delivered;
    try {
      for (;;) {
        const messageId = randomUUID();
        await adapter.sendMessage(queue, new Uint8Array(100_000), { messageId });
        say(`sent ${messageId}`);
      }
    } catch (error) {
      say(`refused ${String(error)} cause ${String((error as Error).cause)}`);
    }
    // The rest has room for the names of queues, until it has not.
    let full = false;
    while (!full) {
      const made = adapter.ensureQueue(randomUUID()).then(() => false);
      full = await Promise.race([made, trouble.promise.then(() => true)]);
    }
    say('settling');
    await held.settle({ kind: 'done' });
    say('done held');
  },
};

try {
  await adapter.connect();
  await roles[role]!();
} catch (error) {
  say(`rejected ${String(error)}`);
}
