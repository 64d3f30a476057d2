// Records outcomes: acks that the server confirms, and copies that it stores. Temporary failures are retried for as long
// as the lease lasts.
import { nanos } from '@nats-io/transport-node';
import { sleep } from '../../clock.ts';
import {
  BrokerRefusedError,
  MessageRefusedError,
  SendError,
  toError,
  UnroutableError,
} from '../../errors.ts';
import type { AdapterContext } from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import { handOver, type Handover } from '../handover.ts';
import type { Forms } from './copy.ts';
import { isDisconnect, missingRight, isMissingConsumer, isUnanswered, queueRefusal } from './failure.ts';
import type { Lease, LeaseKeeper } from './lease.ts';
import type { Link, OpenLink } from './link.ts';
import { requestTimeoutMs } from './options.ts';
import type { Publisher } from './publisher.ts';
import type { Queues } from './stream.ts';

/** The parts of a consumer that settle its messages. */
export interface SettlementOptions {
  readonly link: Link;
  readonly context: AdapterContext;
  readonly queues: Queues;
  readonly publisher: Publisher;
  readonly keeper: LeaseKeeper;
  readonly queueName: string;
  /** Aborted when the consumer has drained. */
  readonly drained: AbortSignal;
}

/** What to do with a message that cannot be moved. */
export type Holding = Pick<Handover<unknown>, 'onHeld' | 'onPlace'>;

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
   * @returns false if it was lost first, or returned to its queue because the copy is refused
   * @throws BrokerRefusedError the user may not write to the target
   */
  async replace(lease: Lease, target: Target, copies: Forms, holding: Holding): Promise<boolean> {
    const { context, queueName: queue, drained } = this.#options;
    const end = await handOver(context, {
      facts: { queue, target: target.queueName, messageId: lease.received.messageId },
      forms: copies,
      send: (headers) => this.#move(lease, target, headers),
      lost: lease.signal,
      drained,
      ...holding,
    });
    if (end === 'unmoved') await this.nak(lease);
    return end === 'moved' && (await this.ack(lease));
  }

  /** As `copy`, over the next connection if there is none; only missing rights end the service. */
  async #move(lease: Lease, target: Target, headers: Forms[0]): Promise<void> {
    const { address } = this.#options.link;
    if (!(await this.#ready(lease))) throw new Error('the message is lost');
    try {
      await this.copy(lease, target, headers);
    } catch (thrown) {
      const error = toError(thrown);
      const cause = error instanceof SendError ? error.cause : error;
      if (missingRight(cause) !== undefined) throw queueRefusal(cause, target.queueName, address) ?? error;
      if (!(error instanceof BrokerRefusedError)) throw error;
      throw new MessageRefusedError(target.queueName, error.message, { canShrink: false, cause: error });
    }
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
