// One consuming channel, from open to close. Each delivery keeps its session: tags are valid on one channel only.
import type { Channel, ConsumeMessage } from 'amqplib';
import { Acks } from './acks.ts';
import { close, watchChannel } from './channel.ts';

/** A consuming channel. Once it has closed, all methods do nothing: the broker redelivers the messages. */
export class Session {
  readonly channel: Channel;
  /** Resolves with the reason when the channel is gone. */
  readonly ended: Promise<Error>;
  readonly #acks: Acks;
  readonly #end = new AbortController();
  /** Why svchost closed it. */
  #closedFor: Error | undefined;

  constructor(channel: Channel) {
    this.channel = channel;
    this.#acks = new Acks(channel);
    this.ended = watchChannel(channel).then((end) => {
      const reason = this.#closedFor ?? end;
      this.#acks.discard();
      this.#end.abort(reason);
      return reason;
    });
  }

  /** Aborted when the channel is gone. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  delivered(message: ConsumeMessage): void {
    this.#acks.delivered(message);
  }

  /** Returns whether the channel was still open. */
  ack(message: ConsumeMessage): boolean {
    return this.#whileOpen(() => this.#acks.ack(message));
  }

  /** Returns whether the channel was still open. */
  requeue(message: ConsumeMessage): boolean {
    return this.#whileOpen(() => this.#acks.requeue(message));
  }

  /** Sends the acks that are due, then closes the channel: the broker requeues the unsettled messages. */
  async close(reason?: Error): Promise<void> {
    if (this.signal.aborted) return;
    this.#closedFor ??= reason;
    this.#whileOpen(() => this.#acks.flush());
    await close(this.channel);
  }

  /** The channel can close between any two turns of the loop; amqplib then throws, and the broker redelivers. */
  #whileOpen(action: () => void): boolean {
    if (this.signal.aborted) return false;
    try {
      action();
      return true;
    } catch {
      this.#acks.discard();
      return false;
    }
  }
}
