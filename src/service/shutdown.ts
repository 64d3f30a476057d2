// How a service ends: one order, one deadline.
import { sleep, within, type Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Consumer, MessageAdapter } from '../messaging/adapter.ts';
import type { MessageProcessor } from '../processor/processor.ts';
import type { DeliveryConsumer } from './delivery/consumer.ts';
import { describeThrown } from './delivery/failure.ts';
import type { Run } from './delivery/run.ts';

/** How long handing back, the processor's `start` and `stop`, and closing may each take, in milliseconds. */
const stepTimeoutMs = 5_000;

/** What there is to end; what never came to be is undefined. */
export interface Ending {
  /** Undefined where the service uses no broker. */
  readonly adapter: Pick<MessageAdapter, 'close'> | undefined;
  readonly subscription: Consumer | undefined;
  readonly deliveries: Pick<DeliveryConsumer, 'size' | 'drain' | 'idle' | 'cutOff'>;
  readonly processor: Pick<MessageProcessor, 'stop'>;
  /** The processor's `start`; undefined where it was never called. */
  readonly starting: Promise<unknown> | undefined;
  /** Resolves when nothing caught an error: then there is no more time. */
  readonly crashed: Promise<Crash>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Work whose error nothing caught: it counts as a failed attempt, and is not simply delivered again. */
export interface Crash {
  readonly run: Run | undefined;
  readonly cause: unknown;
}

/**
 * Ends a service.
 *
 * @param timeoutMs how long work in flight may take
 * @returns how many deliveries were cut off
 */
export async function shutDown(ending: Ending, timeoutMs: number): Promise<number> {
  const { adapter, subscription, deliveries, processor, starting, crashed, clock, log } = ending;

  // 1. Stop taking work: no new delivery starts, what waits for its turn goes back.
  const deadline = new AbortController();
  const expired = sleep(clock, timeoutMs, deadline.signal).then(() => undefined);
  const over = Promise.race([crashed, expired]);
  deliveries.drain();
  await Promise.race([subscription?.drain(), over]);

  // 2. Let what is in flight finish, up to the one deadline that began with step 1.
  const crash = await Promise.race([deliveries.idle().then(() => undefined), over]);
  deadline.abort();

  // 3. Abort what is left, and hand it back while the connection is still there to do so.
  const cutOff = deliveries.size;
  if (cutOff > 0) await within(clock, stepTimeoutMs, deliveries.cutOff(crash?.run, crash?.cause));

  // 4. The processor's own end, now that none of its work is running: not before its start, and only if it had one.
  if (starting) {
    await within(clock, stepTimeoutMs, starting).catch(() => undefined);
    await within(clock, stepTimeoutMs, stopProcessor(processor, log));
  }

  // 5. The connection last: until here outcomes had to go through it. Closing hands back whatever is unsettled.
  await within(clock, stepTimeoutMs, closeAdapter(adapter, log));
  return cutOff;
}

async function stopProcessor(processor: Pick<MessageProcessor, 'stop'>, log: Logger): Promise<void> {
  try {
    await processor.stop?.();
  } catch (error) {
    log.error({ error: describeThrown(error) }, "the processor's stop() failed");
  }
}

async function closeAdapter(adapter: Ending['adapter'], log: Logger): Promise<void> {
  try {
    await adapter?.close();
  } catch (error) {
    log.warn({ error: describeThrown(error) }, 'the broker connection did not close cleanly');
  }
}
