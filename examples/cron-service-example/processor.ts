// A processor that runs every 10 seconds, without any broker.
import type { ScheduleContext, ScheduleProcessor } from 'rococo-svchost';

export class CronLoggingServiceProcessor implements ScheduleProcessor {
  process({ scheduledFor, lastRun, log }: ScheduleContext): void {
    const lateByMs = Date.now() - scheduledFor.getTime();
    log.info({ lateByMs, lastOutcome: lastRun?.outcome }, 'Cron job of the child image!');
  }
}
