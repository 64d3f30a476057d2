// The guard, beside a process that is killed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { quote } from './guard.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "svchost guard's-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs a process that starts a guard and then does as `after` says. */
async function runGuarded(after: string): Promise<void> {
  const guard = new URL('guard.ts', import.meta.url).href;
  const commands = ['first', 'second'].map((name) => `touch ${quote(join(folder, name))}`);
  const script = `
    const { startGuard } = await import(${JSON.stringify(guard)});
    const guard = startGuard();
    for (const command of ${JSON.stringify(commands)}) guard.set(command);
    ${after}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'ignore' });
  await once(child, 'exit');
}

it('runs the last command that it got when its process is killed', async () => {
  const appeared = once(watch(folder), 'change');
  await runGuarded(`setTimeout(() => process.kill(process.pid, 'SIGKILL'), 200);`);
  await appeared;
  expect(await readdir(folder)).toEqual(['second']);
});

it('runs nothing once it was dismissed', async () => {
  const others = join(folder, 'dismissed');
  // A second guard in the same process ends after the first, and thus shows that the first did nothing.
  const appeared = once(watch(folder), 'change');
  await runGuarded(`
    guard.dismiss();
    const witness = startGuard();
    witness.set(${JSON.stringify(`sleep 0.3; touch ${quote(others)}`)});
    setTimeout(() => process.exit(), 200);`);
  await appeared;
  expect(await readdir(folder)).toEqual(['dismissed']);
});
