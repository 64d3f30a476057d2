// One channel that consumes, from its opening to its end. Deliveries keep hold of theirs: a tag means nothing elsewhere.
import type { Channel, ConsumeMessage } from 'amqplib';
import { Acks } from './acks.ts';
import { close, watchChannel } from './channel.ts';

/** A consuming channel. After its end all its methods do nothing: the broker delivers the messages again. */
export class Session {
  readonly channel: Channel;
  /** Resolves with the reason when the channel is gone. */
  readonly ended: Promise<Error>;
  readonly #acks: Acks;
  readonly #end = new AbortController();

  constructor(channel: Channel) {
    this.channel = channel;
    this.#acks = new Acks(channel);
    this.ended = watchChannel(channel).then((reason) => {
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

  ack(message: ConsumeMessage): void {
    this.#whileOpen(() => this.#acks.ack(message));
  }

  requeue(message: ConsumeMessage): void {
    this.#whileOpen(() => this.#acks.requeue(message));
  }

  /** Sends the acks that are due, then closes the channel: what is unsettled goes back to the queue. */
  async close(): Promise<void> {
    if (this.signal.aborted) return;
    this.#whileOpen(() => this.#acks.flush());
    await close(this.channel);
  }

  /** A channel can close between any two turns of the loop; amqplib then throws, and the broker has the message. */
  #whileOpen(action: () => void): void {
    if (this.signal.aborted) return;
    try {
      action();
    } catch {
      this.#acks.discard();
    }
  }
}
