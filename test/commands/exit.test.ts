// The ends of a process: an exit that svchost did not decide is an error, and signals end it as they are expected to.
import { describe, expect, it } from 'vitest';
import { runCli, startHost } from '../support/host-process.ts';
import { createService } from './service.ts';

const exits = {
  'at module level': `process.exit(0);\nexport class MailServiceProcessor { process() {} }`,
  'in its constructor':
    'export class MailServiceProcessor { constructor() { process.exit(0); } process() {} }',
  'in start': 'export class MailServiceProcessor { start() { process.exit(0); } process() {} }',
  'in process': 'export class MailServiceProcessor { process() { process.exit(0); } }',
  'in a timer': 'setTimeout(() => process.exit(0), 50);\nexport class MailServiceProcessor { process() {} }',
} as const;

const sentence = "the service's own code ended the process with process.exit(0)";

describe('a service that calls process.exit', () => {
  it.for(Object.entries(exits))('%s ends with 1, and an error says where', async ([where, code]) => {
    const cwd = createService({ 'processor.ts': code });
    if (where === 'in process') await runCli(['send', '1'], { cwd });
    const host = startHost({ cwd });
    expect(await host.exited).toEqual({ code: 1, signal: null });
    expect(host.output()).toContain(sentence);
    expect(host.output()).toContain('processor.ts:');
  });

  it('in the middle of work has its messages in the error, without their content', async () => {
    const cwd = createService({ 'processor.ts': exits['in process'] });
    await runCli(['send', '{"secret": "marker-4711"}'], { cwd });
    const host = startHost({ cwd });
    await host.exited;
    expect(host.lines.at(-1)).toMatchObject({
      level: 60,
      exit: 0,
      inFlight: [{ queue: 'CST_mail', attempt: 1 }],
      msg: expect.stringContaining(sentence) as string,
    });
    expect(host.output()).not.toContain('marker-4711');
  });

  it.for(['check', 'check --json', 'send 1'])('at module level makes %s fail as well', async (command) => {
    const cwd = createService({ 'processor.ts': exits['at module level'] });
    const { code, stderr } = await runCli(command.split(' '), { cwd });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(sentence) as string });
  });
});

const hang = 'export class MailServiceProcessor { process() { return new Promise(() => undefined); } }';
const wait = `export class MailServiceProcessor {
  async process(_message: unknown, { log }: { log: { info(text: string): void } }) {
    log.info('begun');
    await new Promise((resolve) => setTimeout(resolve, 300));
    log.info('finished');
  }
}`;

it('SIGHUP drains as SIGTERM does', async () => {
  const cwd = createService({ 'processor.ts': wait });
  await runCli(['send', '1'], { cwd });
  const host = startHost({ cwd });
  await host.waitForLine('begun');
  host.signal('SIGHUP');
  expect(await host.exited).toEqual({ code: 0, signal: null });
  expect(host.lines.map(({ msg }) => msg)).toEqual(
    expect.arrayContaining(['draining', 'finished', 'stopped']),
  );
});

it('SIGQUIT ends at once with 131, and says what was in flight', async () => {
  const cwd = createService({ 'processor.ts': hang });
  await runCli(['send', '1'], { cwd });
  const host = startHost({ cwd });
  await host.waitForLine('consuming queue');
  await new Promise((resolve) => setTimeout(resolve, 300));
  host.signal('SIGQUIT');
  expect(await host.exited).toEqual({ code: 131, signal: null });
  expect(host.lines.at(-1)).toMatchObject({
    msg: 'ending at once',
    signal: 'SIGQUIT',
    inFlight: [{ queue: 'CST_mail', attempt: 1 }],
  });
});
