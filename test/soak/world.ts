// The outside world of a soak: one broker, what can go wrong with it, and a look at it that no fault disturbs.
import type { MessageAdapter } from '../../src/messaging/adapter.ts';
import type { MessageFacts } from '../../src/messaging/message.ts';
import type { Fault } from './plan.ts';

/** A broker for one soak alone; disposing of it ends it. */
export interface World extends AsyncDisposable {
  readonly name: string;
  /** The broker and its version, for people. */
  readonly description: string;
  /** The variables that connect a host to it, through whatever breaks. */
  readonly env: Readonly<Record<string, string>>;
  /** The variables that connect a sender, past the faults of the network. */
  readonly senderEnv: Readonly<Record<string, string>>;
  readonly faults: readonly Fault[];
  /** A new connection of a sender; not connected yet. */
  adapter(): MessageAdapter;
  /** Makes the queue before anybody uses it, if the broker's defaults do not suit a soak. */
  prepare?(queueName: string): Promise<void>;
  /** The messages waiting in a queue. */
  browse(queueName: string): Promise<readonly MessageFacts[]>;
}

/** A fault that begins and ends at once. */
export function atOnce(action: () => unknown): Fault['begin'] {
  return async () => {
    await action();
    return () => undefined;
  };
}

/** A fault with a beginning and an end. */
export function between(begin: () => unknown, end: () => unknown): Fault['begin'] {
  return async () => {
    await begin();
    return async () => {
      await end();
    };
  };
}
