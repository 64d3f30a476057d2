// Wraps the harness for the tests of the contract: closes connections after each test.
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import type { AdapterContext, MessageAdapter } from '../../../src/messaging/adapter.ts';
import type { MessageFacts } from '../../../src/messaging/message.ts';
import type { AdapterHarness } from './harness.ts';
import { patience } from './inbox.ts';

/** A broker under test. */
export interface Broker {
  readonly harness: AdapterHarness;
  /** A new connection that is not connected yet. */
  readonly create: (context?: Partial<AdapterContext>) => Promise<MessageAdapter>;
  /** A new connection. */
  readonly open: (context?: Partial<AdapterContext>) => Promise<MessageAdapter>;
  /** A new connection, and a queue that it has created. */
  readonly openQueue: () => Promise<{ adapter: MessageAdapter; queue: string }>;
  /**
   * The messages waiting in a queue, once there are that many: a broker may show them a moment after accepting them.
   */
  readonly browseUntil: (queue: string, count: number) => Promise<MessageFacts[]>;
}

/** Declares the hooks of a suite; called inside its `describe`. */
export function useBroker(harness: AdapterHarness): Broker {
  const opened: MessageAdapter[] = [];

  beforeAll(() => harness.start?.());
  afterAll(() => harness.stop?.());
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((adapter) => adapter.close()));
  });

  async function create(context: Partial<AdapterContext> = {}): Promise<MessageAdapter> {
    const adapter = await harness.create(context);
    opened.push(adapter);
    return adapter;
  }

  async function open(context?: Partial<AdapterContext>): Promise<MessageAdapter> {
    const adapter = await create(context);
    await adapter.connect();
    return adapter;
  }

  return {
    harness,
    create,
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
