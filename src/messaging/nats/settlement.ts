// Records outcomes: acks that the server confirms, and copies that it stores. Temporary failures are retried for as long
// as the lease lasts.
import { nanos } from '@nats-io/transport-node';
import { sleep } from '../../clock.ts';
import { SendError, toError, UnroutableError } from '../../errors.ts';
import type { AdapterContext } from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import type { Forms } from './copy.ts';
import { isDisconnect, isMissingConsumer, isUnanswered, queueRefusal } from './failure.ts';
import type { Lease, LeaseKeeper } from './lease.ts';
import type { Link, OpenLink } from './link.ts';
import { requestTimeoutMs } from './options.ts';
import { TooLargeError, type Publisher } from './publisher.ts';
import type { Queues } from './stream.ts';

/** The parts of a consumer that settle its messages. */
export interface SettlementOptions {
  readonly link: Link;
  readonly context: AdapterContext;
  readonly queues: Queues;
  readonly publisher: Publisher;
  readonly keeper: LeaseKeeper;
  readonly queueName: string;
}

/** The queue and subject that a copy goes to. */
export interface Target {
  readonly queueName: string;
  readonly subject: string;
}

/** Settles the messages of one consumer. */
export class Settlement {
  readonly #options: SettlementOptions;

  constructor(options: SettlementOptions) {
    this.#options = options;
  }

  /** Acknowledges the message. @returns false if it was lost first */
  async ack(lease: Lease): Promise<boolean> {
    return await this.#confirm(lease, '+ACK');
  }

  /** Returns the message to its queue. @returns false if it was lost first */
  async nak(lease: Lease, delayMs = 0): Promise<boolean> {
    return await this.#confirm(
      lease,
      delayMs > 0 ? `-NAK ${JSON.stringify({ delay: nanos(delayMs) })}` : '-NAK',
    );
  }

  /**
   * Stores a copy, then acks the message: a crash in between duplicates it; in the other order it would lose it.
   *
   * @returns false if it was lost first
   * @throws BrokerRefusedError the user may not write to the target
   */
  async replace(lease: Lease, target: Target, copies: Forms): Promise<boolean> {
    const { link, context, queueName: queue } = this.#options;
    const facts = { queue, target: target.queueName, messageId: lease.received.messageId };
    const forms = [...copies];
    let failures = 0;
    while (await this.#ready(lease)) {
      try {
        await this.copy(lease, target, forms[0] ?? copies[0]);
        return await this.ack(lease);
      } catch (thrown) {
        const error = toError(thrown);
        const cause = error instanceof SendError ? error.cause : error;
        const refusal = queueRefusal(cause, target.queueName, link.address);
        if (refusal) throw refusal;
        if (error instanceof TooLargeError && forms.length > 1) {
          forms.shift();
          if (forms.length === 1) context.emit({ kind: 'copy-reduced', ...facts, error });
          continue;
        }
        failures++;
        context.emit({ kind: 'copy-refused', ...facts, failures, error });
        await sleep(context.clock, backoffMs(failures), lease.signal);
      }
    }
    return false;
  }

  /** Stores a copy; does not retry. */
  async copy(lease: Lease, { queueName, subject }: Target, headers: Forms[0]): Promise<void> {
    const { queues, publisher } = this.#options;
    const { body, info } = lease.received;
    await queues.ensureKnown(queueName);
    try {
      // With the time, since a stream that was deleted and created again numbers its messages from 1.
      const dedupeId = `${info.stream}.${info.sequence}.${info.storedNs}.${subject}`;
      await publisher.publish({ queueName, subject, body, headers, dedupeId });
    } catch (error) {
      if (error instanceof UnroutableError) queues.forget(queueName);
      throw error;
    }
  }

  async #confirm(lease: Lease, payload: string): Promise<boolean> {
    const { context, queueName: queue } = this.#options;
    let failures = 0;
    for (;;) {
      const open = await this.#ready(lease);
      if (!open) return false;
      try {
        await open.nc.request(lease.received.reply, payload, { timeout: requestTimeoutMs });
        return true;
      } catch (thrown) {
        const error = toError(thrown);
        if (isUnanswered(error) && (await this.#isGone(open, lease))) return false;
        failures++;
        if (!isDisconnect(error)) context.emit({ kind: 'settle-failed', queue, deliveries: 1, error });
        await sleep(context.clock, backoffMs(failures), lease.signal);
      }
    }
  }

  /** The open connection, once there is one; undefined if the message is lost first. */
  async #ready(lease: Lease): Promise<OpenLink | undefined> {
    const { link, keeper } = this.#options;
    const open = keeper.isHeld(lease) ? await link.opened(lease.signal) : undefined;
    return keeper.isHeld(lease) ? open : undefined;
  }

  /** Nobody answers an ack: if the consumer was deleted, loses the message; if not, a cluster is electing its leader. */
  async #isGone({ jsm }: OpenLink, lease: Lease): Promise<boolean> {
    const { stream, consumer } = lease.received.info;
    try {
      await jsm.consumers.info(stream, consumer);
      return false;
    } catch (error) {
      if (!isMissingConsumer(error)) return false;
      this.#options.keeper.lose(lease, new Error('the queue or its consumer was deleted'));
      return true;
    }
  }
}
