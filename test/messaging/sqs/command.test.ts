// The commands with MESSAGING_TYPE=SqsConnection: settings, driver and server together, each command a process of its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { runCli, startHost } from '../../support/host-process.ts';
import { createRig, remaining, type Rig } from './rig.ts';

function serviceDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'svchost-sqs-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(
    path.join(directory, 'package.json'),
    JSON.stringify({ name: 'order', version: '1.0.0', type: 'module' }),
  );
  const processor = `export class OrderServiceProcessor {
    async process({ id }: { id: number }, { log }: { log: { info(fields: object, msg: string): void } }) {
      log.info({ id }, 'order begun');
      if (process.env.MODE === 'hang') await new Promise(() => setInterval(() => undefined, 1000));
      log.info({ id }, 'order done');
    }
  }`;
  writeFileSync(path.join(directory, 'processor.ts'), processor);
  return directory;
}

function envOf({ server }: Rig, queue: string): Record<string, string> {
  return {
    MESSAGING_TYPE: 'SqsConnection',
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'hunter2',
    AWS_ENDPOINT_URL_SQS: server.address,
    OrderServiceProcessor_QUEUE_NAME: queue,
  };
}

it('send and run move a message, and a host killed with -9 gives it to the next', async () => {
  await using rig = await createRig();
  const queue = rig.createQueue({ VisibilityTimeout: '1' });
  const [cwd, env] = [serviceDirectory(), envOf(rig, queue)];
  const sent = await runCli(['send', '{"id": 7}'], { cwd, env });
  expect(sent).toMatchObject({ code: 0 });
  const killed = startHost({ cwd, env: { ...env, MODE: 'hang' } });
  await killed.waitForLine('order begun');
  killed.signal('SIGKILL');
  await killed.exited;
  const next = startHost({ cwd, env });
  expect(await next.waitForLine('order done')).toMatchObject({ id: 7 });
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), { timeout: 10_000 });
  next.signal('SIGTERM');
  expect(await next.exited).toMatchObject({ code: 0 });
  expect(next.output()).not.toContain('hunter2');
});

it('check --connect warns where the redrive policy ends a message before its last attempt', async () => {
  await using rig = await createRig();
  const { arn } = rig.server.inspectQueue(rig.createQueue())!;
  const policy = JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 4 });
  const queue = rig.createQueue({ RedrivePolicy: policy });
  const [cwd, env] = [serviceDirectory(), envOf(rig, queue)];
  const warned = await runCli(['check', '--connect'], { cwd, env });
  expect(warned).toMatchObject({ code: 0 });
  expect(warned.stdout).toContain('maxReceiveCount 4, below RETRY_MAX_ATTEMPTS 5');
  const fine = await runCli(['check', '--connect'], { cwd, env: { ...env, RETRY_MAX_ATTEMPTS: '4' } });
  expect(fine.stdout).not.toContain('maxReceiveCount');
});
