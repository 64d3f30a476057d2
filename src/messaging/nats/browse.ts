// Reads the messages of a queue without delivering them.
import type { StoredMsg, StreamInfo } from '@nats-io/jetstream';
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
