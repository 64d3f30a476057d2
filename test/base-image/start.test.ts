// The launcher: the service's own host runs as the container's process.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createService } from '../commands/service.ts';
import { linkPackage } from '../processor/tree.ts';
import { startHost, runCli } from '../support/host-process.ts';

const bin = fileURLToPath(new URL('../../base-image/start.ts', import.meta.url));

describe('the launcher', () => {
  it('ends with 70 and names the remedy if the service has no rococo-svchost', async () => {
    const cwd = createService();
    const host = startHost({ cwd, bin });
    expect(await host.exited).toEqual({ code: 70, signal: null });
    expect(host.output()).toContain(`rococo-svchost is not installed for ${cwd}`);
    expect(host.output()).toContain('npm install rococo-svchost');
  });

  it('passes on its arguments and the exit code', async () => {
    const cwd = createService();
    linkPackage(cwd);
    const whole = startHost({ cwd, bin, args: ['check'] });
    expect(await whole.exited).toEqual({ code: 0, signal: null });
    expect(whole.output()).toContain('CST_mail');
    const broken = startHost({ cwd, bin, args: ['check'], env: { CONCURRENCY: 'many' } });
    expect(await broken.exited).toEqual({ code: 78, signal: null });
    const unknown = startHost({ cwd, bin, args: ['chekc'] });
    expect(await unknown.exited).toEqual({ code: 64, signal: null });
    expect(unknown.output()).toContain('unknown command "chekc"');
  });

  it('finds the host of a workspace root above the service', async () => {
    const root = createService({ 'services/mail/package.json': { name: 'mail', type: 'module' } });
    linkPackage(root);
    const host = startHost({ cwd: path.join(root, 'services/mail'), bin, args: ['--version'] });
    expect(await host.exited).toEqual({ code: 0, signal: null });
  });

  it('drains at SIGTERM: work in flight finishes first', async () => {
    const processor = `export class MailServiceProcessor {
      async process(message, { log, signal }) {
        log.info('begun');
        await new Promise((resolve) => process.once('SIGTERM', () => setTimeout(resolve, 200)));
        log.info('finished');
      }
    }`;
    const cwd = createService({ 'processor.ts': undefined, 'processor.js': processor });
    linkPackage(cwd);
    const host = startHost({ cwd, bin });
    await host.waitForLine('consuming queue CST_mail');
    await runCli(['send', '{"id": 1}'], { cwd });
    await host.waitForLine('begun');
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(host.lines.map(({ msg }) => msg)).toContain('finished');
    expect(host.lines.at(-1)).toMatchObject({ msg: 'stopped', done: 1 });
  });
});
