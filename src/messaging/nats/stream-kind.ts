// How the configuration of a stream, and of its consumer, serves a service. Pure. docs/nats.md has the table of all kinds.
import {
  AckPolicy,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type ConsumerInfo,
  type StreamInfo,
} from '@nats-io/jetstream';
import { secondConsumerHint } from './failure.ts';
import { subjectsOf } from './name.ts';

/** Why a stream cannot be a queue; undefined if it can. */
export function streamRefusal(queueName: string, { config }: StreamInfo): string | undefined {
  if (config.mirror) return 'it mirrors another stream, so no retry can be stored in it; consume that stream';
  if (config.sealed) return 'it is sealed: nothing can be stored in it, nor removed; use another stream';
  if (config.no_ack) {
    return 'it has no_ack, so the server confirms no message, and nobody knows which are stored; set no_ack to false';
  }
  const { subject_transform: transform } = config;
  if (transform) {
    return (
      `it has a subject_transform (to ${transform.dest}), and svchost tells retries by their subject; ` +
      'use a stream without one'
    );
  }
  const missing = subjectsOf(queueName).filter((subject) => !config.subjects.includes(subject));
  if (missing.length > 0) return `add ${missing.join(' and ')} to its subjects, or use another queue name`;
  return undefined;
}

/** As {@link streamRefusal}, for a queue of dead letters, which nobody consumes. */
export function deadLetterRefusal(queueName: string, stream: StreamInfo): string | undefined {
  if (stream.config.retention === RetentionPolicy.Interest) {
    return (
      'it has the retention interest, so the server drops dead letters at once, as long as nobody consumes them; ' +
      'use the retention limits or workqueue'
    );
  }
  return streamRefusal(queueName, stream);
}

/** Why nothing can be consumed; undefined if it can. `consumer`: svchost's own, if it exists. */
export function consumerRefusal({ config, state }: StreamInfo, consumer?: ConsumerInfo): string | undefined {
  if (!consumer) {
    const isTaken = config.retention === RetentionPolicy.Workqueue && state.consumer_count > 0;
    return isTaken ? secondConsumerHint : undefined;
  }
  const { ack_policy, deliver_subject, headers_only } = consumer.config;
  const name = `its consumer ${consumer.name}`;
  if (ack_policy !== AckPolicy.Explicit) {
    return `${name} has ack_policy ${ack_policy}, which settles messages that nobody has processed; delete the consumer`;
  }
  if (deliver_subject !== undefined) return `${name} is a push consumer; delete the consumer`;
  if (headers_only) return `${name} has headers_only, so bodies are missing; delete the consumer`;
  return undefined;
}

/** The limits of a queue, each as a line for people. */
export function limitsOf(
  queueName: string,
  { config }: StreamInfo,
  consumer?: ConsumerInfo,
): readonly string[] {
  const { max_age, max_msgs, max_bytes, max_msgs_per_subject, discard, discard_new_per_subject } = config;
  const isLimited = max_msgs > 0 || max_bytes > 0;
  const { max_deliver = -1, max_ack_pending = -1, filter_subject, filter_subjects } = consumer?.config ?? {};
  const filters = [filter_subject, ...(filter_subjects ?? [])].filter(Boolean);
  const limits = [
    config.retention === RetentionPolicy.Limits &&
      'has the retention limits: messages stay in its stream once they are processed, until its limits remove them',
    config.retention === RetentionPolicy.Interest &&
      'has the retention interest: messages that arrive before a first host has run are dropped',
    max_age > 0 && 'has max_age: messages vanish once they are so old; set it to 0',
    isLimited &&
      discard === DiscardPolicy.Old &&
      'drops its oldest messages when it is full; set discard to new, so that it refuses new messages',
    max_msgs_per_subject > 0 &&
      !(discard === DiscardPolicy.New && discard_new_per_subject) &&
      `has max_msgs_per_subject ${max_msgs_per_subject}: a message drops the oldest of its subject; set it to -1`,
    config.storage === StorageType.Memory &&
      'is kept in memory: a restart of the server loses it; use file storage',
    max_deliver > 0 &&
      'has a consumer with max_deliver: messages beyond it stay in the stream for good; set it to -1',
    max_ack_pending > 0 &&
      `has a consumer with max_ack_pending ${max_ack_pending}: so many messages that wait for a retry stop the queue; ` +
        'set it to -1',
    filters.length > 0 &&
      `has a consumer with a filter: only messages of ${filters.join(', ')} are delivered`,
  ];
  return limits.filter((limit) => typeof limit === 'string').map((limit) => `queue "${queueName}" ${limit}`);
}
