// The business logic of this service, independent of the host.
import { setTimeout as pause } from 'node:timers/promises';

/** Pretends to write the report of a day, page by page. Rejects once the signal is aborted. Returns the number of pages. */
export async function writeReport(day: Date, signal: AbortSignal): Promise<number> {
  const pages = 1 + (day.getUTCDate() % 3);
  for (let page = 0; page < pages; page++) await pause(100, undefined, { signal });
  return pages;
}
