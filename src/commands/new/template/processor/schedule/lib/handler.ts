// The business logic of this service, kept apart from what hosts it.
import type { ScheduleContext } from 'rococo-svchost';

/** Does the work of one run. Throwing means that the run has failed, which is logged; the schedule goes on. */
export async function handleTask({ signal, lastRun, log }: ScheduleContext): Promise<void> {
  // Aborted where a deploy cannot wait any longer: to be asked between steps, or handed to fetch and the like.
  signal.throwIfAborted();
  log.info({ lastOutcome: lastRun?.outcome }, 'The task has run!');
}
