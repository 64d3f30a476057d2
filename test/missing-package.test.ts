// An installation without optional packages: the host names the one that it needs, or does without.
import path from 'node:path';
import { expect, it } from 'vitest';
import { missingPackage } from '../src/missing-package.ts';
import { createTree } from './processor/tree.ts';
import { runCli } from './support/host-process.ts';

/** Makes an import of these packages fail as Node fails for a package that is not installed. */
function hide(...packages: readonly string[]): string {
  const hook = `
    import { registerHooks } from 'node:module';
    registerHooks({
      resolve(specifier, context, next) {
        const hidden = ${JSON.stringify(packages)}.includes(specifier);
        return next(hidden ? specifier.replace(/\\w+$/, 'not-installed-$&') : specifier, context);
      },
    });`;
  return `--import=${path.join(createTree({ 'hide.mjs': hook }), 'hide.mjs')}`;
}

const cwd = () =>
  createTree({
    'package.json': { name: 'mail', version: '1.0.0', type: 'module' },
    'processor.js': 'export class MailServiceProcessor { process() {} }',
  });

it.for([
  [
    'SqsConnection',
    '@aws-sdk/client-sqs',
    '@aws-sdk/client-not-installed-sqs',
    { AWS_REGION: 'eu-central-1' },
  ],
  ['NatsConnection', '@nats-io/transport-node', '@nats-io/transport-not-installed-node', {}],
  ['NatsConnection', '@nats-io/jetstream', '@nats-io/not-installed-jetstream', {}],
] as const)(
  '%s without %s is a problem of the configuration, which names the package',
  async ([type, driver, name, settings]) => {
    const env = {
      NODE_OPTIONS: hide(driver),
      MESSAGING_TYPE: type,
      MailServiceProcessor_QUEUE_NAME: 'mail',
      ...settings,
    };
    const problem =
      `MESSAGING_TYPE: expected the package ${name} beside ${type} ` +
      `(npm install ${name}); found no such package`;
    for (const command of ['run', 'check', 'send']) {
      const args = command === 'send' ? ['send', '{}'] : [command];
      const { code, stdout, stderr } = await runCli(args, { cwd: cwd(), env });
      expect({ command, code }).toEqual({ command, code: 78 });
      expect(stdout + stderr).toContain(problem);
    }
  },
);

it('logs become JSON if the package for pretty ones is missing, and a warning says so', async () => {
  const env = {
    NODE_OPTIONS: hide('pino-pretty'),
    LOG_FORMAT: 'pretty',
    EXECUTION_TYPE: 'CRON',
    CRON_TIME_AMOUNT: '1',
    CRON_TIME_UNIT: 'days',
  };
  const { code, stdout } = await runCli(['run', '--once'], { cwd: cwd(), env });
  expect(code).toBe(0);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { msg: string });
  expect(lines[0]?.msg).toBe(
    'LOG_FORMAT is pretty, but the package pino-pretty is not installed; writing json',
  );
});

it.each([
  [
    'a module of our own',
    Object.assign(new Error("Cannot find module '/a.js'"), { code: 'ERR_MODULE_NOT_FOUND' }),
  ],
  ['another code', Object.assign(new Error("Cannot find package 'a' imported from b"), { code: 'EACCES' })],
  ['no error', "Cannot find package 'a'"],
])('%s is not a missing package', (_what, thrown) => {
  expect(missingPackage(thrown)).toBeUndefined();
});
