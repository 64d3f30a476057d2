// Starts hosts, with small scripts instead of the built bin.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startHost, type HostProcess } from './host-process.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'svchost-host-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function start(script: string, env: Record<string, string> = {}): Promise<HostProcess> {
  const bin = join(folder, 'bin.mjs');
  await writeFile(bin, script);
  return startHost({ cwd: folder, bin, env, args: ['run'] });
}

it('reads its log lines, including those written before the wait began', async () => {
  const host = await start(`
    console.log('not json');
    console.log(JSON.stringify({ level: 30, msg: 'consuming', queue: 'a' }));
    console.log(JSON.stringify({ level: 30, msg: 'grüße ' + process.argv[2] }));
    setInterval(() => {}, 1000);`);
  expect(await host.waitForLine('grüße')).toMatchObject({ msg: 'grüße run' });
  expect(await host.waitForLine((line) => line['queue'] === 'a')).toMatchObject({ msg: 'consuming' });
  expect(host.lines).toHaveLength(2);
  expect(host.output()).toContain('not json');
  host.signal('SIGTERM');
  expect(await host.exited).toEqual({ code: null, signal: 'SIGTERM' });
  host.signal('SIGTERM');
});

it('reports the output when the host ends without the line', async () => {
  const host = await start(`console.error('no queue'); process.exitCode = 78;`);
  await expect(host.waitForLine('consuming')).rejects.toThrow(/ended with 78.*"consuming".*\n.*no queue/s);
  expect(await host.exited).toEqual({ code: 78, signal: null });
});

it('reports the output when the line does not come in time', async () => {
  const host = await start(`console.log('busy'); setInterval(() => {}, 1000);`);
  await expect(host.waitForLine('consuming', 300)).rejects.toThrow(/300 ms.*"consuming"/);
});

it('passes the host nothing of our environment but PATH and HOME', async () => {
  process.env['RABBITMQ_HOST'] = 'leaked';
  try {
    const host = await start(`console.log(JSON.stringify({ msg: 'env', env: process.env }));`, {
      LOG_LEVEL: 'debug',
    });
    const { env } = await host.waitForLine('env');
    expect(env).toEqual({ PATH: process.env['PATH'], HOME: process.env['HOME'], LOG_LEVEL: 'debug' });
  } finally {
    delete process.env['RABBITMQ_HOST'];
  }
});

let previous: HostProcess | undefined;
it('leaves a host running at the end of a test', async () => {
  previous = await start(`console.log(JSON.stringify({ msg: 'up' })); setInterval(() => {}, 1000);`);
  await previous.waitForLine('up');
});
it('which has been killed when the next test begins', async () => {
  expect(await previous?.exited).toEqual({ code: null, signal: 'SIGKILL' });
});
