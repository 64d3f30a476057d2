// How punctual a schedule is: the built host runs a processor every half second for a minute, as a process of its own.
// Prints the runs, their lateness and the drift; has no pass mark. `npm run bench:schedule [-- <seconds>]`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const seconds = Number(process.argv[2] ?? 60);
const intervalMs = 500;
const bin = path.resolve(import.meta.dirname, '../dist/bin.js');
const directory = mkdtempSync(path.join(tmpdir(), 'svchost-bench-'));

// The processor measures the lateness itself, before it does anything else.
writeFileSync(
  path.join(directory, 'processor.js'),
  `export class PunctualServiceProcessor {
    process({ scheduledFor }) {
      const lateMs = performance.timeOrigin + performance.now() - scheduledFor.getTime();
      console.log(JSON.stringify({ scheduledFor: scheduledFor.getTime(), lateMs }));
    }
  }`,
);
writeFileSync(path.join(directory, 'package.json'), '{ "name": "punctual", "type": "module" }');

const host = spawn(process.execPath, [bin], {
  cwd: directory,
  env: {
    PATH: process.env.PATH,
    EXECUTION_TYPE: 'CRON',
    CRON_TIME_AMOUNT: String(intervalMs / 1000),
    CRON_TIME_UNIT: 'seconds',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const runs: { scheduledFor: number; lateMs: number }[] = [];
createInterface({ input: host.stdout }).on('line', (line) => {
  const written = JSON.parse(line) as { msg?: string; scheduledFor?: number; lateMs?: number };
  if (written.msg?.startsWith('running')) setTimeout(() => host.kill('SIGTERM'), seconds * 1000);
  const { scheduledFor, lateMs } = written;
  if (scheduledFor !== undefined && lateMs !== undefined) runs.push({ scheduledFor, lateMs });
});
const [code] = (await once(host, 'close')) as [number];
rmSync(directory, { recursive: true });

const lateness = runs.map(({ lateMs }) => lateMs).sort((a, b) => a - b);
const [first, last] = [runs[0], runs.at(-1)];
const at = (share: number) => lateness[Math.floor(share * (lateness.length - 1))]?.toFixed(2) ?? '-';
// How far the last occurrence is from the grid that begins at the first one.
const offGridMs =
  first && last ? last.scheduledFor - first.scheduledFor - (runs.length - 1) * intervalMs : NaN;
console.log(`${runs.length} runs in ${seconds} s at ${intervalMs} ms; the host ended with ${code}`);
console.log(`lateness: median ${at(0.5)} ms, 95% ${at(0.95)} ms, max ${at(1)} ms`);
console.log(`drift of the occurrences: ${offGridMs} ms`);
