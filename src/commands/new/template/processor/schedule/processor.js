// The processor of the schedule: svchost finds it and runs it when it is due. The business logic is in lib/.
import { handleTask } from "./lib/handler.js";

/** @import { ScheduleContext, ScheduleProcessor } from 'rococo-svchost' */

/**
 * Does one run per call.
 *
 * @implements {ScheduleProcessor}
 */
export class MyServiceProcessor {
  /** @param {ScheduleContext} context */
  async process(context) {
    await handleTask(context);
  }
}
