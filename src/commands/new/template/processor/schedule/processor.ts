// The processor of the schedule: svchost finds it and runs it when it is due. The business logic is in lib/.
import type { ScheduleContext, ScheduleProcessor } from "rococo-svchost";
import { handleTask } from "./lib/handler.ts";

/** Does one run per call. */
export class MyServiceProcessor implements ScheduleProcessor {
  async process(context: ScheduleContext): Promise<void> {
    await handleTask(context);
  }
}
