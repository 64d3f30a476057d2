// The crash journal on RabbitMQ: a queue for each message that runs alone, with one empty message for each start.
import type { Options } from 'amqplib';
import type { Broker } from './broker.ts';
import { withChannel } from './channel.ts';
import { queueRefusal } from './refusal.ts';

/** The broker deletes what was not ended within a day. Classic, whatever the type of the queue: it is small and brief. */
const queueOptions: Options.AssertQueue = {
  durable: true,
  expires: 24 * 3_600_000,
  arguments: { 'x-queue-type': 'classic' },
};

/** The queue that has the starts of one message: `<queue>_crash_<identity>`. */
export function crashQueueName(queueName: string, identity: string): string {
  return `${queueName}_crash_${identity.slice(0, 16)}`;
}

/**
 * See CrashJournal.
 *
 * @throws BrokerRefusedError the user may not create such a queue
 */
export async function noteStart(broker: Broker, queueName: string, identity: string): Promise<number> {
  const name = crashQueueName(queueName, identity);
  try {
    const { messageCount } = await withChannel(broker.connection, (channel) =>
      channel.assertQueue(name, queueOptions),
    );
    await broker.publisher.publish(name, Buffer.alloc(0), { persistent: true });
    return messageCount;
  } catch (error) {
    throw queueRefusal(error, name, broker.address) ?? error;
  }
}

/** See CrashJournal. */
export async function noteEnd(broker: Broker, queueName: string, identity: string): Promise<void> {
  await withChannel(broker.connection, (channel) => channel.deleteQueue(crashQueueName(queueName, identity)));
}
