// Channels that cannot take the process or their neighbours down: every listener that amqplib needs, in one place.
import type { Channel, RecoveringChannelModel } from 'amqplib';

/** A channel's end: resolves once, with the reason, and never rejects. */
export type ChannelEnd = Promise<Error>;

/**
 * Watches a channel. Without an `error` listener a closed channel would end the process; a close of the whole
 * connection only shows as `close`.
 */
export function watchChannel(channel: Channel): ChannelEnd {
  return new Promise((resolve) => {
    let reason: Error | undefined;
    channel.on('error', (error) => (reason = error));
    // A listener that throws would close the channel with 541; it is reported here instead.
    channel.on('handler-error', (error) => (reason = error));
    channel.once('close', () => resolve(reason ?? new Error('the connection was closed')));
  });
}

/**
 * Runs `work` on a channel of its own. Checks and declarations go here: a refusal closes the channel it was asked on,
 * and must not close one that consumes or publishes.
 */
export async function withChannel<T>(
  connection: RecoveringChannelModel,
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const channel = await connection.createChannel();
  void watchChannel(channel);
  try {
    return await work(channel);
  } finally {
    void close(channel);
  }
}

/** Closes a channel that may be closed already, which amqplib takes for an error. */
export async function close(channel: Channel): Promise<void> {
  try {
    await channel.close();
  } catch {
    // It is gone, as it should be.
  }
}
