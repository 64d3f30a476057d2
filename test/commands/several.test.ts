// One process for several processors of a service: each has its queue and policy, and one drain ends them all.
import { describe, expect, it } from 'vitest';
import { runCli, startHost } from '../support/host-process.ts';
import { linkPackage } from '../processor/tree.ts';
import { createService, waitingBodies } from './service.ts';

const processors = `
import { BaseServiceProcessor, defineProcessor } from 'rococo-svchost';

export const orders = defineProcessor({
  queueName: 'orders',
  concurrency: 2,
  process: (message, { log }) => log.info({ message }, 'an order'),
});

export class MailServiceProcessor extends BaseServiceProcessor {
  process(message, { log, attempt, maxAttempts }) {
    log.info({ message }, 'a mail');
    if (message === 'bad') throw new Error('no');
  }
  stop() {
    console.log('mail has stopped');
  }
}
`;

function createSeveral(env = ''): string {
  const cwd = createService({
    'processor.ts': undefined,
    'processor.js': processors,
    '.env': `PROCESSOR_TYPE=*\nMailServiceProcessor_QUEUE_NAME=mail\nMailServiceProcessor_RETRY_MAX_ATTEMPTS=1\n${env}`,
  });
  linkPackage(cwd);
  return cwd;
}

describe('several processors', () => {
  it('run in one process, each on its queue, and one drain ends them', async () => {
    const cwd = createSeveral();
    const host = startHost({ cwd });
    await host.waitForLine('consuming queue orders');
    await host.waitForLine('consuming queue mail');
    for (const [queue, message] of [
      ['orders', '1'],
      ['mail', '"bad"'],
    ] as const) {
      const { code, stdout } = await runCli(['send', message, '--queue', queue], { cwd });
      expect({ code, stdout }).toEqual({ code: 0, stdout: `sent 1 message to ${queue}\n` });
    }
    await host.waitForLine('an order');
    await host.waitForLine((line) => line['queue'] === 'mail' && String(line['msg']).includes('dead'));
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(host.output()).toContain('mail has stopped');
    expect(waitingBodies(cwd, 'mail_dead')).toEqual(['"bad"']);
    const types = host.lines.map(({ msg }) => msg).filter((msg) => String(msg).startsWith('processor_type'));
    expect(types).toEqual(['processor_type: orders', 'processor_type: MailServiceProcessor']);
  });

  it('are shown by check, each with its queue and policy', async () => {
    const { code, stdout } = await runCli(['check', '--json'], { cwd: createSeveral() });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      processors: [
        {
          type: 'orders',
          module: 'processor.js',
          queueName: 'orders',
          deadLetterQueueName: 'orders_dead',
          concurrency: 2,
          retry: { maxAttempts: 5 },
        },
        { type: 'MailServiceProcessor', queueName: 'mail', concurrency: 1, retry: { maxAttempts: 1 } },
      ],
    });
    const text = await runCli(['check'], { cwd: createSeveral() });
    expect(text.stdout).toMatch(
      /processor {7}orders of processor\.js\nqueue {11}orders\n[^]*processor {7}MailServiceProcessor of processor\.js\nqueue {11}mail\n/,
    );
  });

  it.each([
    [
      'a queue of another',
      'orders_QUEUE_NAME=mail\n',
      'MailServiceProcessor_QUEUE_NAME: expected a queue other than the one that orders consumes; found "mail"',
    ],
    [
      'the dead letters of another',
      'orders_DEAD_LETTER_QUEUE_NAME=mail\n',
      'MailServiceProcessor_QUEUE_NAME: expected a queue other than the one that orders uses for its dead letters; found "mail"',
    ],
    [
      'a wrong policy',
      'orders_CONCURRENCY=none\n',
      'orders_CONCURRENCY: expected a whole number from 1 to 65535',
    ],
    [
      'a schedule',
      'EXECUTION_TYPE=CRON\nCRON_TIME_AMOUNT=1\nCRON_TIME_UNIT=days\n',
      'PROCESSOR_TYPE: expected the name of one processor with EXECUTION_TYPE=CRON; found orders, MailServiceProcessor',
    ],
  ])('with %s are refused', async (_what, env, problem) => {
    const { code, stdout } = await runCli(['check'], { cwd: createSeveral(env) });
    expect(code).toBe(78);
    expect(stdout).toContain(problem);
  });

  it('have several queues, of which send needs to know one', async () => {
    const { code, stderr } = await runCli(['send', '1'], { cwd: createSeveral() });
    expect(code).toBe(64);
    expect(stderr).toContain('several queues: name one with --queue: orders, mail');
  });

  it('get the messages that are typed into dev by their names', async () => {
    const dev = startHost({
      cwd: createSeveral(),
      args: ['dev'],
      env: { LOG_FORMAT: 'json' },
      hasInput: true,
    });
    await dev.waitForLine('consuming queue mail');
    dev.type('s 1');
    await dev.waitForLine('several processors: type s, the name of one, and the message');
    dev.type('s orders {"id": 1}');
    await dev.waitForLine('sent to orders');
    await dev.waitForLine('an order');
    dev.type('q');
    expect(await dev.exited).toEqual({ code: 0, signal: null });
  });
});
