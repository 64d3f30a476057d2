// The business logic of this service, kept apart from what hosts it.

/** @import { ScheduleContext } from 'rococo-svchost' */

/**
 * Does the work of one run. Throwing means that the run has failed, which is logged; the schedule goes on.
 *
 * @param {ScheduleContext} context
 */
export async function handleTask({ signal, lastRun, log }) {
  // Aborted where a deploy cannot wait any longer: to be asked between steps, or handed to fetch and the like.
  signal.throwIfAborted();
  log.info({ lastOutcome: lastRun?.outcome }, 'The task has run!');
}
