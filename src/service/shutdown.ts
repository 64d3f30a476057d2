// How a service ends: one order, one deadline.
import { sleep, within, type Clock } from '../clock.ts';
import type { MessageAdapter } from '../messaging/adapter.ts';
import type { MessageProcessor } from '../processor/processor.ts';
import type { Run } from './delivery/run.ts';
import type { ServiceEvents } from './events.ts';
import type { InFlight } from './in-flight.ts';

/**
 * How long everything after the drain may take together, in milliseconds: requeueing, the processor's `start` and `stop`,
 * and closing. Each step leaves a little for those after it, so that one that hangs does not skip them.
 */
export const afterDrainMs = 5_000;

/** What each step leaves for each step after it, in milliseconds. */
const leastStepMs = afterDrainMs / 10;

/** The parts of a service that have to end. */
export interface Ending {
  /** Undefined if the service uses no broker. */
  readonly adapter: Pick<MessageAdapter, 'close'> | undefined;
  readonly work: { readonly inFlight: InFlight; readonly drain: () => Promise<void> };
  readonly processor: Pick<MessageProcessor, 'stop'>;
  /** The processor's `start`; undefined if it was never called. */
  readonly starting: Promise<unknown> | undefined;
  /** Resolves on an uncaught error: then there is no more time to wait. */
  readonly crashed: Promise<Crash>;
  readonly clock: Clock;
  readonly events: ServiceEvents;
}

/** An uncaught error, and the run that caused it: this counts as a failed attempt, and is not just requeued. */
export interface Crash {
  readonly run: Run | undefined;
  readonly cause: unknown;
}

/**
 * Ends a service.
 *
 * @param timeoutMs how long work in flight may take, in milliseconds
 * @returns how many deliveries were cut off
 */
export async function shutDown(ending: Ending, timeoutMs: number): Promise<number> {
  const { adapter, work, processor, starting, crashed, clock, events } = ending;
  const { inFlight } = work;

  // 1. Stop taking work: no new delivery starts, and those that wait for their turn are requeued.
  const deadline = new AbortController();
  const expired = sleep(clock, timeoutMs, deadline.signal).then(() => undefined);
  const over = Promise.race([crashed, expired]);
  inFlight.drain();
  await Promise.race([work.drain(), over]);

  // 2. Let work in flight finish, up to the one deadline that began with step 1.
  const crash = await Promise.race([inFlight.idle().then(() => undefined), over]);
  deadline.abort();
  const endAt = clock.elapsed() + afterDrainMs;
  const limit = (stepsAfter: number) =>
    Math.max(leastStepMs, endAt - clock.elapsed() - stepsAfter * leastStepMs);

  // 3. Abort the rest, and requeue it while there is still a connection to do so.
  const cutOff = inFlight.size;
  if (cutOff > 0) await within(clock, limit(3), inFlight.cutOff(crash?.run, crash?.cause));

  // 4. Stop the processor, now that none of its work is running: after its `start`, and only if that was called.
  if (starting) {
    await within(clock, limit(2), starting).catch(() => undefined);
    await within(
      clock,
      limit(1),
      attempt('stop', () => processor.stop?.(), events),
    );
  }

  // 5. Close the connection last: until here, outcomes needed it. Closing requeues whatever is unsettled.
  await within(
    clock,
    limit(0),
    attempt('close', () => adapter?.close(), events),
  );
  return cutOff;
}

async function attempt(step: 'stop' | 'close', work: () => unknown, events: ServiceEvents): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    events.emit({ kind: 'end-failed', step, thrown });
  }
}
