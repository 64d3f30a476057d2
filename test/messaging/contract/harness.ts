// The parts that a broker brings to the contract suite. Its Capabilities say which features it lacks.
import { it } from 'vitest';
import type { AdapterContext, MessageAdapter } from '../../../src/messaging/adapter.ts';
import type { MessageFacts } from '../../../src/messaging/message.ts';
import type { Capabilities } from '../../../src/messaging/capability.ts';

/** A broker, as the suite needs it. */
export interface AdapterHarness {
  /** The Capabilities of its adapters. */
  readonly capabilities: Capabilities;
  /** Only one connection reaches the broker: tests of two hosts are not declared. */
  readonly isPrivate?: true;
  /** Makes the broker ready; called once. */
  start?(): Promise<void>;
  /** Ends the use of the broker; called once. */
  stop?(): Promise<void>;
  /** A new connection to the broker that is not connected yet. The suite closes it. */
  create(context: Partial<AdapterContext>): Promise<MessageAdapter>;
  /** A new name for a queue. The harness finally deletes that queue, and the one named `<name>_dead`. */
  queueName(): string;
  /** The messages waiting in the queue, read without an adapter, and left there. */
  browse(queueName: string): Promise<MessageFacts[]>;
  /**
   * Makes the broker lose this connection, as if its host were killed or the network cut: all its unsettled messages
   * must be redelivered. The adapter may recover by itself.
   */
  crash(adapter: MessageAdapter): Promise<void>;
}

/** Declares a test if the broker has the feature: without it there is nothing to test, and nothing to skip. */
export function itIf(isAble: boolean): (name: string, test: () => Promise<void>) => void {
  return (name, test) => {
    if (isAble) it(name, test);
  };
}
