// The acks of one channel, coalesced: one frame acknowledges many deliveries.
import type { Channel, ConsumeMessage } from 'amqplib';

/**
 * Gathers the acks of one turn of the event loop and sends as few as it can: one `multiple` ack for all up to the
 * oldest delivery that is still in flight, single ones beyond it.
 */
export class Acks {
  readonly #channel: Channel;
  /** Unacknowledged deliveries by tag, in order of delivery; true once the ack may be sent. */
  readonly #outstanding = new Map<number, boolean>();
  #waiting: ConsumeMessage[] = [];
  #flush: NodeJS.Immediate | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  delivered({ fields }: ConsumeMessage): void {
    this.#outstanding.set(fields.deliveryTag, false);
  }

  ack(message: ConsumeMessage): void {
    this.#outstanding.set(message.fields.deliveryTag, true);
    this.#waiting.push(message);
    this.#flush ??= setImmediate(() => this.flush());
  }

  /** Returns a message to its place in the queue, at once. */
  requeue(message: ConsumeMessage): void {
    this.#outstanding.delete(message.fields.deliveryTag);
    this.#channel.nack(message, false, true);
  }

  /** Sends the gathered acks. The channel must be open. */
  flush(): void {
    const waiting = this.#waiting;
    clearImmediate(this.#flush);
    this.#flush = undefined;
    this.#waiting = [];
    const upTo = this.#takeSettledPrefix();
    for (const message of waiting) {
      const tag = message.fields.deliveryTag;
      if (tag === upTo) this.#channel.ack(message, true);
      else if (this.#outstanding.delete(tag)) this.#channel.ack(message);
    }
  }

  /** Drops the gathered acks: the channel is gone, and the broker redelivers its unacknowledged messages. */
  discard(): void {
    clearImmediate(this.#flush);
    this.#waiting = [];
    this.#outstanding.clear();
  }

  /** Removes the oldest deliveries, up to the first in flight. Returns the tag of the last one removed, or 0. */
  #takeSettledPrefix(): number {
    let upTo = 0;
    for (const [tag, settled] of this.#outstanding) {
      if (!settled) break;
      upTo = tag;
      this.#outstanding.delete(tag);
    }
    return upTo;
  }
}
