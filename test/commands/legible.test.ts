// Text that others wrote, in logs and reports: it cannot control the terminal, nor look like a line of the host.
import { describe, expect, it } from 'vitest';
import { escapeControls, escapeTerminal } from '../../src/escape.ts';
import { runCli, startHost } from '../support/host-process.ts';
import { createService } from './service.ts';

const evil = 'first\n[12:00:00.000] INFO (svchost): all is well\u001b[2J\u0007\u202e';
/** Control characters, except line ends, and one that changes the writing direction. */
const raw = /[^\P{Cc}\n]|\u202e/u;

const throwing = `export class MailServiceProcessor {
  process(_message: unknown, { log }: { log: { info(text: string): void } }) {
    log.info(${JSON.stringify(evil)});
    const error = new Error(${JSON.stringify(evil)}, { cause: new Error(${JSON.stringify(evil)}) });
    error.name = ${JSON.stringify(evil)};
    throw error;
  }
}`;

describe('a pretty log', () => {
  it('indents the lines of a message after the first, and escapes what controls a terminal', async () => {
    const cwd = createService({ 'processor.ts': throwing });
    await runCli(['send', '1'], { cwd });
    const host = startHost({ cwd, env: { LOG_FORMAT: 'pretty', RETRY_MAX_ATTEMPTS: '1', NO_COLOR: '1' } });
    await expect.poll(() => host.output(), { timeout: 20_000 }).toContain('dead-lettered');
    host.signal('SIGTERM');
    await host.exited;
    expect(host.output()).toContain('    [12:00:00.000] INFO (svchost): all is well\\u001b[2J\\u0007\\u202e');
    // pino-pretty colours its own output only on request.
    expect(host.output()).not.toMatch(raw);
    expect(host.output()).not.toMatch(/^\[12:00:00/m);
  });
});

describe('a report', () => {
  it('of check has each problem in one line, escaped', async () => {
    const cwd = createService({ 'processor.ts': `throw new Error(${JSON.stringify(evil)});` });
    const { code, stdout } = await runCli(['check'], { cwd });
    expect(code).toBe(70);
    expect(stdout).toContain('first\\n[12:00:00.000] INFO (svchost): all is well\\u001b[2J\\u0007\\u202e');
    expect(stdout).not.toMatch(raw);
    expect(stdout).not.toMatch(/^\[12:00:00/m);
  });

  it('of send does not control the terminal', async () => {
    const cwd = createService({ 'processor.ts': `throw new Error(${JSON.stringify(evil)});` });
    const { stderr } = await runCli(['send', '1'], { cwd });
    expect(stderr).toContain('\\u001b[2J');
    expect(stderr).not.toMatch(raw);
  });

  it('of check has the cause of a failure to load', async () => {
    const cause = "Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })";
    const cwd = createService({ 'processor.ts': `throw new Error('no settings', { cause: ${cause} });` });
    const { stdout } = await runCli(['check'], { cwd });
    expect(stdout).toMatch(/no settings.*caused by Error: connect \(ECONNREFUSED\)/);
  });
});

it.each([
  ['a\nb\tc', 'a\\nb\\tc', 'a\nb\tc'],
  ['\u001b[31m', '\\u001b[31m', '\\u001b[31m'],
  ['\u0085\u2028\u{e0001}', '\\u0085\\u2028\\u{e0001}', '\\u0085\\u2028\\u{e0001}'],
  ['plain ü 😀', 'plain ü 😀', 'plain ü 😀'],
])('%j is escaped', (text, inOneLine, inSeveral) => {
  expect([escapeControls(text), escapeTerminal(text)]).toEqual([inOneLine, inSeveral]);
});
