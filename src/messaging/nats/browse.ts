// Reads the messages of a queue without delivering them, and finds faults in the configuration of a queue.
import {
  DiscardPolicy,
  StorageType,
  type ConsumerInfo,
  type StoredMsg,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { MessageFacts } from '../message.ts';
import { decodeWire } from './header.ts';
import type { OpenLink } from './link.ts';

/** How many messages are asked for at once. */
const batchSize = 50;

/** The newest messages of a stream, oldest first. */
export async function browse(
  { jsm }: OpenLink,
  { config, state }: StreamInfo,
  limit: number,
): Promise<readonly MessageFacts[]> {
  const found: StoredMsg[] = [];
  let last = state.last_seq;
  while (found.length < limit && last >= state.first_seq && state.messages > 0) {
    const size = Math.min(batchSize, last - state.first_seq + 1);
    const sequences = Array.from({ length: size }, (_, index) => last - index);
    // Settled messages leave gaps.
    const batch = await Promise.all(sequences.map((seq) => jsm.streams.getMessage(config.name, { seq })));
    found.push(...batch.filter((message) => message !== null));
    last -= size;
  }
  return found.slice(0, limit).reverse().map(readStored);
}

function readStored({ header, data, seq }: StoredMsg): MessageFacts {
  const { headers, facts } = decodeWire(header);
  return { messageId: facts.messageId ?? String(seq), body: data, headers };
}

/** The faults of a queue's stream and its consumer, each as a line for people. */
export function faultsOf(queueName: string, stream: StreamInfo, consumer?: ConsumerInfo): readonly string[] {
  const { max_age, max_msgs, max_bytes, discard, storage } = stream.config;
  const isLimited = max_msgs > 0 || max_bytes > 0;
  const limit = consumer?.config.max_ack_pending ?? -1;
  const faults = [
    max_age > 0 && 'has max_age: messages vanish once they are so old; set it to 0',
    isLimited &&
      discard === DiscardPolicy.Old &&
      'drops its oldest messages when it is full; set discard to new, so that it refuses new messages',
    storage === StorageType.Memory && 'is kept in memory: a restart of the server loses it; use file storage',
    (consumer?.config.max_deliver ?? -1) > 0 &&
      'has a consumer with max_deliver: messages beyond it stay in the stream for good; set it to -1',
    limit > 0 &&
      `has a consumer with max_ack_pending ${limit}: so many messages that wait for a retry stop the queue; set it to -1`,
  ];
  return faults.filter((fault) => typeof fault === 'string').map((fault) => `queue "${queueName}" ${fault}`);
}
