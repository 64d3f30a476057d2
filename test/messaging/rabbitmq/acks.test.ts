// Coalesced acks: which frames are sent, and how the broker reads them.
import { connect, type Channel, type ConsumeMessage } from 'amqplib';
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { Acks } from '../../../src/messaging/rabbitmq/acks.ts';

/** Ten deliveries, unsettled. */
async function deliverTen() {
  const connection = await connect(inject('rabbitMqUrl'));
  onTestFinished(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (let index = 0; index < 10; index++) channel.sendToQueue(queue, Buffer.from(String(index)));
  await channel.waitForConfirms();
  const acks = new Acks(channel);
  const messages: ConsumeMessage[] = [];
  const onMessage = (message: ConsumeMessage | null) => {
    if (!message) return;
    acks.delivered(message);
    messages.push(message);
  };
  await channel.consume(queue, onMessage);
  await vi.waitFor(() => expect(messages).toHaveLength(10));
  /** The messages that the broker still has once the channel is gone: all that it considers unacknowledged. */
  const unacked = async () => {
    await channel.close();
    return getAll(await connection.createChannel(), queue);
  };
  return { acks, messages, frames: recordFrames(channel), unacked };
}

async function getAll(channel: Channel, queue: string): Promise<string[]> {
  const contents: string[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (!message) return contents;
    contents.push(message.content.toString());
  }
}

/** The acks that the channel sends from now on: the message, and whether they include all before it. */
function recordFrames(channel: Channel): string[] {
  const frames: string[] = [];
  const ack = channel.ack.bind(channel);
  channel.ack = (message, allUpTo = false) => {
    frames.push(`${message.content.toString()}${allUpTo ? ' and before' : ''}`);
    ack(message, allUpTo);
  };
  return frames;
}

describe('the acks of one turn of the event loop', () => {
  it('are one frame if they cover everything up to the oldest delivery in flight', async () => {
    const { acks, messages, frames, unacked } = await deliverTen();
    for (const message of messages.slice(0, 6).reverse()) acks.ack(message);
    acks.flush();
    expect(frames).toEqual(['5 and before']);
    expect(await unacked()).toEqual(['6', '7', '8', '9']);
  });

  it('are single frames beyond a delivery in flight, which is not acknowledged with them', async () => {
    const { acks, messages, frames, unacked } = await deliverTen();
    for (const index of [0, 1, 3, 5]) acks.ack(messages[index]!);
    acks.flush();
    expect(frames.sort()).toEqual(['1 and before', '3', '5']);
    expect(await unacked()).toEqual(['2', '4', '6', '7', '8', '9']);
  });

  it('do not include requeued deliveries', async () => {
    const { acks, messages, unacked } = await deliverTen();
    acks.requeue(messages[1]!);
    for (const index of [0, 2, 3]) acks.ack(messages[index]!);
    acks.flush();
    expect(await unacked()).toEqual(['1', '4', '5', '6', '7', '8', '9']);
  });

  it('are sent without being flushed', async () => {
    const { acks, messages, frames } = await deliverTen();
    acks.ack(messages[0]!);
    acks.ack(messages[1]!);
    await vi.waitFor(() => expect(frames).toEqual(['1 and before']));
  });

  it('are never sent once they have been discarded', async () => {
    const { acks, messages, frames, unacked } = await deliverTen();
    acks.ack(messages[0]!);
    acks.discard();
    acks.flush();
    expect(frames).toEqual([]);
    expect(await unacked()).toHaveLength(10);
  });
});
