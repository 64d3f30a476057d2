// Opens, watches and closes channels, with every listener amqplib needs: a failing one must not end the process.
import type { Channel, RecoveringChannelModel } from 'amqplib';

/** A channel's end: resolves once, with the reason, and never rejects. */
export type ChannelEnd = Promise<Error>;

/**
 * Watches a channel. Without an `error` listener, a channel that the broker closes would end the process; when the
 * whole connection closes, only `close` is emitted.
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
 * Runs `work` on a channel of its own. For checks and declarations: a refusal closes the channel, which must not be one
 * that consumes or publishes.
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

/** Closes a channel. It may be closed already, for which amqplib throws. */
export async function close(channel: Channel): Promise<void> {
  try {
    await channel.close();
  } catch {
    // It was closed already.
  }
}
