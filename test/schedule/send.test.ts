// `context.send` of a schedule: a schedule that enqueues work, with and without a configured broker.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { json, patience, rabbitMqBroker, sqliteBroker } from '../service/broker.ts';
import { runCli, startHost } from '../support/host-process.ts';
import { createScheduledService, every } from './service.ts';

/** A processor that sends the number of its run to TARGET, and logs the result. */
const sender = `
  export class ClockServiceProcessor {
    #runs = 0;
    async process({ send, log }) {
      const run = ++this.#runs;
      try {
        await send(process.env.TARGET, { run });
        log.info({ run }, 'sent');
      } catch (error) {
        log.info({ run, code: error.code, problem: error.message }, 'not sent');
        if (process.env.WORK === 'fail') throw error;
      }
    }
  }`;

const service = (files = {}) => createScheduledService({ 'processor.js': sender, ...files });

for (const broker of [rabbitMqBroker(), sqliteBroker()]) {
  describe(`on ${broker.name}`, () => {
    it('enqueues work at each run, over one connection that a drain closes', async () => {
      const queue = await broker.queue();
      const host = startHost({ cwd: service(), env: { ...broker.env(), ...every('0.2'), TARGET: queue } });
      await host.waitForLine((line) => line['msg'] === 'sent' && line['run'] === 3);
      host.signal('SIGTERM');
      expect(await host.exited).toEqual({ code: 0, signal: null });
      const sent = host.lines.filter((line) => line['msg'] === 'sent').map(({ run }) => run);
      await vi.waitFor(async () => expect(await broker.browse(queue)).toHaveLength(sent.length), patience);
      const bodies = (await broker.browse(queue)).map(({ body }) => Buffer.from(body).toString());
      expect(bodies).toEqual(sent.map((run) => Buffer.from(json({ run })).toString()));
      expect(host.lines.filter((line) => line['msg'] === 'connected')).toHaveLength(1);
    });

    it('fails for a queue that does not exist, and the schedule continues', async () => {
      const host = startHost({
        cwd: service(),
        env: { ...broker.env(), ...every('0.2'), TARGET: 'svchost-test-no-such-queue' },
      });
      const line = await host.waitForLine((line) => line['msg'] === 'not sent' && line['run'] === 2);
      expect(line).toMatchObject({ code: 'UNROUTABLE' });
    });
  });
}

describe('without a usable broker', () => {
  it('opens no connection until something is sent', async () => {
    const cwd = createScheduledService();
    const host = startHost({
      cwd,
      env: { ...every('0.2'), MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_HOST: '127.0.0.1:1' },
    });
    await host.waitForLine((line) => line['msg'] === 'run finished' && line['run'] === 2);
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(host.output()).not.toContain('connect');
  });

  it('rejects if MESSAGING_TYPE is not set, instead of writing to an embedded queue that nobody reads', async () => {
    const cwd = service();
    const { code, stdout } = await runCli(['run', '--once'], {
      cwd,
      env: { ...every('1', 'days'), TARGET: 'q' },
    });
    expect(code).toBe(0);
    expect(stdout).toContain('"code":"CONFIGURATION"');
    expect(stdout).toContain(
      'MESSAGING_TYPE: expected RabbitMqConnection, SqsConnection, NatsConnection or SqliteConnection, the broker to send to; found nothing',
    );
    expect(() => mkdirSync(path.join(cwd, '.svchost'))).not.toThrow();
  });

  it('reports at the start that a broker cannot be used, and rejects with the same reason', async () => {
    const env = { ...every('1', 'days'), TARGET: 'q', WORK: 'fail', MESSAGING_TYPE: 'SqsConnection' };
    const { code, stdout } = await runCli(['run', '--once'], { cwd: service(), env });
    expect(code).toBe(1);
    const problem = 'AWS_REGION: expected the region of the queues, such as eu-central-1; found nothing';
    expect(stdout).toContain(`"msg":"messages cannot be sent: ${problem}"`);
    expect(stdout).toContain(`"problem":"${problem}"`);
  });

  it('svchost send refuses in the same way', async () => {
    const { code, stderr } = await runCli(['send', '--queue', 'q', '{}'], {
      cwd: service(),
      env: every('1'),
    });
    expect({ code, stderr }).toEqual({
      code: 78,
      stderr: expect.stringContaining('MESSAGING_TYPE: expected RabbitMqConnection') as unknown,
    });
  });
});
