// The harness as the tests of the contract use it: connections that are closed after each test. Owns no test.
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import type { MessageAdapter } from '../../../src/messaging/adapter.ts';
import type { AdapterHarness, BrowsedMessage } from './harness.ts';
import { patience } from './inbox.ts';

/** A broker under test. */
export interface Broker {
  readonly harness: AdapterHarness;
  /** A new connection. */
  readonly open: () => Promise<MessageAdapter>;
  /** A new connection, and a queue that it has made. */
  readonly openQueue: () => Promise<{ adapter: MessageAdapter; queue: string }>;
  /** The messages that wait in a queue, once there are so many: a broker may show them a moment after it took them. */
  readonly browseUntil: (queue: string, count: number) => Promise<BrowsedMessage[]>;
}

/** Declares the hooks of a suite, inside its `describe`. */
export function useBroker(harness: AdapterHarness): Broker {
  const opened: MessageAdapter[] = [];

  beforeAll(() => harness.start?.());
  afterAll(() => harness.stop?.());
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((adapter) => adapter.close()));
  });

  async function open(): Promise<MessageAdapter> {
    const adapter = await harness.open();
    opened.push(adapter);
    return adapter;
  }

  return {
    harness,
    open,
    async openQueue() {
      const adapter = await open();
      const queue = harness.queueName();
      await adapter.ensureQueue(queue);
      return { adapter, queue };
    },
    browseUntil: (queue, count) =>
      vi.waitFor(async () => {
        const messages = await harness.browse(queue);
        expect(messages).toHaveLength(count);
        return messages;
      }, patience),
  };
}
