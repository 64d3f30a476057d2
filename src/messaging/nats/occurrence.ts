// Claims occurrences of a schedule on NATS: the first message of a subject is the claim.
import { nanos } from '@nats-io/transport-node';
import { DiscardPolicy, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { claimMemoryMs } from '../capability.ts';
import { isMissingStream, isUnanswered, isWrongSequence, queueRefusal } from './failure.ts';
import type { Link } from './link.ts';
import { claimStreamName, claimSubject, claimSubjects } from './name.ts';
import type { NatsOptions } from './options.ts';

/** The claims of all schedules: messages of one stream, each with its own subject. */
export class Claims {
  readonly #link: Link;
  readonly #settings: NatsOptions;

  constructor(link: Link, settings: NatsOptions) {
    this.#link = link;
    this.#settings = settings;
  }

  /**
   * Claims an occurrence; see Claiming.
   *
   * @throws BrokerRefusedError the user may not create the stream, or write to it
   */
  async claim(scheduleName: string, occurrence: Date): Promise<boolean> {
    const subject = claimSubject(scheduleName, occurrence);
    try {
      return await this.#publish(subject);
    } catch (error) {
      if (!isUnanswered(error)) throw this.#refusal(error);
    }
    await this.#ensureStream();
    return await this.#publish(subject);
  }

  /** Whether the message is the first of its subject. */
  async #publish(subject: string): Promise<boolean> {
    const expect = { streamName: claimStreamName, lastSubjectSequence: 0 };
    try {
      await this.#link.require().js.publish(subject, '', { expect });
      return true;
    } catch (error) {
      if (isWrongSequence(error)) return false;
      throw error;
    }
  }

  async #ensureStream(): Promise<void> {
    const { streams } = this.#link.require().jsm;
    try {
      await streams.info(claimStreamName).catch(async (error: unknown) => {
        if (!isMissingStream(error)) throw error;
        return await streams.add({
          name: claimStreamName,
          description: 'claimed occurrences of schedules of svchost',
          subjects: [claimSubjects],
          retention: RetentionPolicy.Limits,
          storage: StorageType.File,
          discard: DiscardPolicy.Old,
          max_msgs_per_subject: 1,
          // Counted from the claim. Twice what the contract asks for, as a margin.
          max_age: nanos(2 * claimMemoryMs),
          num_replicas: this.#settings.replicas,
        });
      });
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  #refusal(error: unknown): unknown {
    return queueRefusal(error, claimStreamName, this.#link.address) ?? error;
  }
}
