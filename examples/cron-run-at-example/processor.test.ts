// The report alone: it is written, and it stops when its signal is aborted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeReport } from './lib/report.ts';

const secondOfMarch = new Date('2026-03-02T06:32:00Z');

test('the report of the second has three pages', async () => {
  assert.equal(await writeReport(secondOfMarch, new AbortController().signal), 3);
});

test('a report that is cut off by a deploy is not written to its end', async () => {
  await assert.rejects(writeReport(secondOfMarch, AbortSignal.abort()), { name: 'AbortError' });
});
