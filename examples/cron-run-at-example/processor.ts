// A processor that runs once a day. It respects its signal, so that a deploy during a run stops it at a safe point.
import type { ScheduleContext, ScheduleProcessor } from 'rococo-svchost';
import { writeReport } from './lib/report.ts';

export class DailyReportServiceProcessor implements ScheduleProcessor {
  async process({ scheduledFor, signal, log }: ScheduleContext): Promise<void> {
    const pages = await writeReport(scheduledFor, signal);
    log.info({ pages }, 'Report of the day!');
  }
}
