// The business logic of this service, independent of its host.
import type { ScheduleContext } from "rococo-svchost";

/** Does the work of one run. Throwing means that the run has failed, which is logged; the schedule goes on. */
export async function handleTask({
  signal,
  lastRun,
  log,
}: ScheduleContext): Promise<void> {
  // Aborted when a deploy cannot wait any longer: check it between steps, or pass it to fetch and the like.
  signal.throwIfAborted();
  log.info({ lastOutcome: lastRun?.outcome }, "The task has run!");
}
