// A log that nobody reads, and a loop that is blocked: neither keeps a host from its work, or from its end.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BoundedOutput, mostWaitingBytes } from '../../src/output.ts';
import { runCli, startHost } from '../support/host-process.ts';
import { createService, waitingBodies } from './service.ts';

const bin = fileURLToPath(new URL('../../dist/bin.js', import.meta.url));
const patience = { timeout: 30_000, interval: 20 };

/** Logs a kilobyte at each message. */
const chatty = `export class MailServiceProcessor {
  process(_message: unknown, { log }: { log: { info(text: string): void } }) {
    for (let line = 0; line < 100; line++) log.info('x'.repeat(1000));
  }
}`;

/** A host whose standard output is a pipe that nobody reads, until `stdout` is. */
function startUnread(cwd: string, env: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, [bin], {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function send(cwd: string, count: number): Promise<void> {
  const input = Array.from({ length: count }, (_, index) => String(index)).join('\n');
  await runCli(['send'], { cwd, input });
}

describe('a host whose log nobody reads', () => {
  it('processes all messages, hears SIGTERM, and ends in time', async () => {
    const cwd = createService({ 'processor.ts': chatty });
    await send(cwd, 100);
    const host = startUnread(cwd);
    await vi.waitUntil(() => waitingBodies(cwd).length === 0, patience);
    const signalledAt = performance.now();
    host.kill('SIGTERM');
    expect(await once(host, 'exit')).toEqual([0, null]);
    // The last lines get one second.
    expect(performance.now() - signalledAt).toBeLessThan(4_000);
  });

  it('says how many lines were lost once somebody reads again', async () => {
    const cwd = createService({ 'processor.ts': chatty });
    await send(cwd, 100);
    const host = startUnread(cwd);
    await vi.waitUntil(() => waitingBodies(cwd).length === 0, patience);
    let output = '';
    host.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
    await vi.waitUntil(() => output.includes('log lines were dropped'), patience);
    host.kill('SIGTERM');
    await once(host, 'exit');
    const lines = output.split('\n').filter((line) => line.includes('xxx')).length;
    const dropped = Number(/"dropped":(\d+)/.exec(output)?.[1]);
    expect(lines + dropped).toBe(10_000);
    expect(output).toContain('"stopped"');
  });

  it('goes on if the reader is gone', async () => {
    const cwd = createService({ 'processor.ts': chatty });
    const host = startUnread(cwd);
    host.stdout!.destroy();
    host.stderr!.destroy();
    await send(cwd, 20);
    await vi.waitUntil(() => waitingBodies(cwd).length === 0, patience);
    host.kill('SIGTERM');
    expect(await once(host, 'exit')).toEqual([0, null]);
  });
});

it('what a reader does not take is kept up to a bound, and dropped beyond it', () => {
  const listeners: Record<string, () => void> = {};
  const stream = {
    writableLength: 0,
    write: (line: string) => (stream.writableLength += line.length) < 16_384,
    on: (event: string, listener: () => void) => (listeners[event] = listener),
  };
  const output = new BoundedOutput(stream as never);
  const dropped: number[] = [];
  output.onDropped = (count) => dropped.push(count);
  const line = 'x'.repeat(1024);
  for (let lines = 0; lines < 5_000; lines++) output.write(line);
  expect(stream.writableLength).toBe(mostWaitingBytes + 1024);
  listeners['drain']!();
  listeners['drain']!();
  expect(dropped).toEqual([5_000 - stream.writableLength / 1024]);
});

it('a host whose event loop is blocked is killed after SHUTDOWN_TIMEOUT and 8 s, and says so', async () => {
  const blocking = `export class MailServiceProcessor {
    async process() {
      await new Promise((resolve) => process.once('SIGTERM', () => setTimeout(resolve, 200)));
      for (;;);
    }
  }`;
  const cwd = createService({ 'processor.ts': blocking });
  await send(cwd, 1);
  const host = startHost({ cwd, env: { SHUTDOWN_TIMEOUT: '0.5' } });
  await host.waitForLine('consuming queue');
  await new Promise((resolve) => setTimeout(resolve, 500));
  const signalledAt = performance.now();
  host.signal('SIGTERM');
  expect(await host.exited).toEqual({ code: null, signal: 'SIGKILL' });
  expect(performance.now() - signalledAt).toBeGreaterThan(7_500);
  expect(performance.now() - signalledAt).toBeLessThan(12_000);
  expect(host.output()).toContain('the event loop is blocked, 8.5 s after the shutdown began');
});
