// A broker for one test alone: the properties that the fault tests rely on.
import { existsSync } from 'node:fs';
import { connect } from 'amqplib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { handshake } from './handshake.ts';
import { startOwnBroker, type OwnBroker } from './own-broker.ts';
import { uniqueQueueName } from './queue.ts';

let broker: OwnBroker;
beforeAll(async () => {
  broker = await startOwnBroker({ config: ['heartbeat = 7'] });
});
afterAll(() => broker.close());

/** Sends one persistent message to a durable queue, and waits until the broker has confirmed it. */
async function sendConfirmed(queueName: string, text: string): Promise<void> {
  const connection = await connect(broker.url);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(queueName, { durable: true });
  channel.sendToQueue(queueName, Buffer.from(text), { persistent: true });
  await channel.waitForConfirms();
  await connection.close();
}

async function receive(queueName: string): Promise<string | undefined> {
  const connection = await connect(broker.url);
  const channel = await connection.createChannel();
  const message = await channel.get(queueName, { noAck: true });
  await connection.close();
  return message === false ? undefined : message.content.toString();
}

it('keeps a confirmed persistent message through a SIGKILL, on the same port', async () => {
  const queueName = uniqueQueueName('killed');
  await sendConfirmed(queueName, 'still here');
  // The broker writes a new queue to its log only about a second later.
  await broker.ctl('eval', 'mnesia:sync_log().');
  await broker.kill();
  await expect(handshake(broker.url)).rejects.toThrow('ECONNREFUSED');
  await broker.start();
  expect(await receive(queueName)).toBe('still here');
}, 120_000);

it('informs its clients when it is stopped in order, and starts again', async () => {
  const connection = await connect(broker.url);
  connection.on('error', () => undefined);
  const closed = new Promise<Error | undefined>((resolve) => connection.once('close', resolve));
  await broker.stop();
  expect((await closed)?.message).toContain('CONNECTION_FORCED');
  await broker.start();
  await expect(handshake(broker.url)).resolves.toBeDefined();
}, 120_000);

it('answers nobody while it is paused, and continues afterwards', async () => {
  await broker.pause();
  await expect(handshake(broker.url, 500)).rejects.toThrow('ETIMEDOUT');
  await broker.resume();
  await expect(handshake(broker.url)).resolves.toBeDefined();
});

it('is reached by its own rabbitmqctl, and has the given configuration', async () => {
  const queueName = uniqueQueueName('listed');
  await sendConfirmed(queueName, 'one');
  expect(await broker.ctl('list_queues', 'name', 'messages')).toMatch(new RegExp(`${queueName}\\s+1`));
  expect(await broker.ctl('eval', 'application:get_env(rabbit, heartbeat).')).toContain('{ok,7}');
  await expect(broker.ctl('no_such_command')).rejects.toThrow('no_such_command');
});

it('runs beside another one, whose end leaves nothing behind', async () => {
  const other = await startOwnBroker();
  const folder = JSON.parse(await other.ctl('eval', 'os:getenv("HOME").')) as string;
  expect(other.port).not.toBe(broker.port);
  await other.pause();
  await other.close();
  await other.close();
  await expect(handshake(other.url)).rejects.toThrow('ECONNREFUSED');
  await expect(other.ctl('status')).rejects.toThrow();
  expect(existsSync(folder)).toBe(false);
  await expect(handshake(broker.url)).resolves.toBeDefined();
}, 120_000);
