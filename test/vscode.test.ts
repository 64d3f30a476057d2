// The launch configurations of the examples work, driven over Node's inspector as VS Code does it: breakpoints in
// TypeScript are hit, variables are visible, and the program ends with success.
import { copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseEnv } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { startServer } from './messaging/sqs/server.ts';
import { examples, installExample, services, type Service } from './support/example.ts';
import type { Inspector } from './support/inspector.ts';
import { debug, launch, readLaunch, readLaunchFile, type LaunchConfiguration } from './support/launch.ts';

const builtBin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

/** An example, installed, with its environment. */
function install(name: Service): string {
  const service = installExample(name);
  copyFileSync(path.join(service, '.env.example'), path.join(service, '.env'));
  return service;
}

function configurationOf(folder: string, name: string): LaunchConfiguration {
  const found = readLaunch(folder).get(name);
  if (found === undefined) throw new Error(`${folder} has no launch configuration "${name}"`);
  return found;
}

/** Sets a breakpoint on the line of a file that contains a text. Returns its place. */
async function breakAt(
  inspector: Inspector,
  file: string,
  text: string,
): Promise<{ url: string; line: number }> {
  const line =
    1 +
    readFileSync(file, 'utf8')
      .split('\n')
      .findIndex((content) => content.includes(text));
  expect(line).toBeGreaterThan(0);
  await inspector.setBreakpoint(file, line);
  return { url: pathToFileURL(file).href, line };
}

/** Sends the message that the launch file proposes, by its configuration for that. Returns the message. */
async function send(folder: string, env: Record<string, string> = {}): Promise<unknown> {
  const sender = launch(configurationOf(folder, 'Send a message'), folder, env);
  await (await sender.attach()).begin();
  expect(await sender.exited).toBe(0);
  expect(sender.output()).toContain('sent 1 message');
  return JSON.parse(readLaunchFile(folder).inputs![0]!.default);
}

/** Services with a queue: a line of TypeScript that sees the message, and the message's name there. */
const messaging = {
  'service-example': { file: 'processor.ts', text: 'await handleMessage(', variable: 'message' },
  'sqs-service-example': { file: 'processor.ts', text: 'await this.#outbox.hand(', variable: 'message' },
  'monorepo-example/services/order-service': {
    file: '../../common/order.ts',
    text: 'return lines.reduce(',
    variable: 'arguments[0]',
  },
} as const;

type MessagingService = keyof typeof messaging;

const messagingServices = Object.keys(messaging) as MessagingService[];

/** The variables that a service needs besides its .env. */
async function surroundings(service: MessagingService): Promise<Record<string, string>> {
  if (service !== 'sqs-service-example') return {};
  const server = await startServer();
  onTestFinished(() => server.stop());
  const keys = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };
  return { AWS_ENDPOINT_URL_SQS: server.address, ...keys };
}

describe.each(messagingServices)('%s', (name) => {
  const { file, text, variable } = messaging[name];

  it('"Run the service" stops at a breakpoint, shows the message, and drains when it is stopped', async () => {
    const folder = install(name);
    const env = await surroundings(name);
    const message = await send(folder, env);
    const host = launch(configurationOf(folder, 'Run the service'), folder, env);
    const inspector = await host.attach();
    const expected = await breakAt(inspector, path.join(folder, file), text);
    await inspector.begin();
    const pause = await inspector.paused();
    expect(pause).toMatchObject(expected);
    expect(await pause.evaluate(variable)).toEqual(message);
    host.stop();
    await inspector.resume();
    expect(await host.exited).toBe(0);
    expect(host.output()).toMatch(/stopped[^]*done: 1/);
  });
});

describe('the launch configurations of a service with a queue', () => {
  it('"Empty the queue, then exit" stops at a breakpoint for each message, and ends by itself', async () => {
    const folder = install('service-example');
    const message = await send(folder);
    await send(folder);
    const host = launch(configurationOf(folder, 'Empty the queue, then exit'), folder);
    const inspector = await host.attach();
    const expected = await breakAt(inspector, path.join(folder, 'processor.ts'), 'await handleMessage(');
    await inspector.begin();
    for (let count = 0; count < 2; count++) {
      const pause = await inspector.paused();
      expect(pause).toMatchObject(expected);
      expect(await pause.evaluate('message')).toEqual(message);
      await inspector.resume();
    }
    expect(await host.exited).toBe(0);
    expect(host.output()).toMatch(/stopped[^]*done: 2/);
  });
});

describe('the launch configurations of a service on a schedule', () => {
  it.each(['cron-service-example', 'cron-run-at-example'] as const)(
    '"Run once, now" stops at a breakpoint in %s, and ends by itself',
    async (name) => {
      const folder = install(name);
      const host = launch(configurationOf(folder, 'Run once, now'), folder);
      const inspector = await host.attach();
      const expected = await breakAt(inspector, path.join(folder, 'processor.ts'), 'log.info(');
      await inspector.begin();
      const pause = await inspector.paused();
      expect(pause).toMatchObject(expected);
      expect(await pause.evaluate('scheduledFor instanceof Date')).toBe(true);
      await inspector.resume();
      expect(await host.exited).toBe(0);
    },
  );

  it('"Run the service" stops at a breakpoint in each run', async () => {
    const folder = install('cron-service-example');
    const env = { CRON_TIME_AMOUNT: '0.5' };
    const host = launch(configurationOf(folder, 'Run the service'), folder, env);
    const inspector = await host.attach();
    const expected = await breakAt(inspector, path.join(folder, 'processor.ts'), 'log.info(');
    await inspector.begin();
    expect(await inspector.paused()).toMatchObject(expected);
    await inspector.resume();
    const pause = await inspector.paused();
    expect(await pause.evaluate('lastRun.outcome')).toBe('done');
    host.stop();
    await inspector.resume();
    expect(await host.exited).toBe(0);
  });
});

describe('"Attach to the container"', () => {
  const container = (
    parse(readFileSync(path.join(examples, 'compose.debug.yaml'), 'utf8')) as {
      services: Record<string, { environment: { NODE_OPTIONS: string }; ports: string[] }>;
    }
  ).services['service-example']!;

  it.each([
    { service: 'service-example', root: '.', text: 'await handleMessage(', variable: 'message' },
    {
      service: 'monorepo-example/services/order-service',
      root: '../..',
      text: 'const accepted = ',
      variable: 'order',
    },
  ] as const)('stops at a breakpoint in $service', async ({ service, root, text, variable }) => {
    // Two copies: one in the editor, and one that runs, which stands for the container's /app.
    const [folder, app] = [install(service), install(service)];
    const attach = configurationOf(folder, 'Attach to the container');
    const localRoot = path.resolve(attach.localRoot!);
    expect(localRoot).toBe(path.join(folder, root));
    expect(attach).toMatchObject({ request: 'attach', remoteRoot: '/app' });
    expect(container.ports).toContain(`${attach.address ?? ''}:${attach.port ?? ''}:9229`);
    // Any port, instead of the one that the container has to itself.
    const { NODE_OPTIONS } = container.environment;
    const options = NODE_OPTIONS.replace('0.0.0.0:9229', '127.0.0.1:0');
    const host = debug([builtBin], { cwd: app, env: { NODE_OPTIONS: options } });
    const inspector = await host.attach();
    // As VS Code maps the two roots: a path below one is the same path below the other.
    const below = path.relative(localRoot, path.join(folder, 'processor.ts'));
    const expected = await breakAt(inspector, path.join(app, root, below), text);
    const message = await send(app);
    const pause = await inspector.paused();
    expect(pause).toMatchObject(expected);
    expect(await pause.evaluate(variable)).toEqual(message);
    host.stop();
    await inspector.resume();
    expect(await host.exited).toBe(0);
  });
});

describe('every example', () => {
  it.each(services)(
    '"Run the tests" of %s, in the checkout, stops at a breakpoint, and they pass',
    async (name) => {
      // In the checkout, npm has put rococo-svchost into the node_modules above.
      const folder = path.join(examples, name);
      const program = launch(configurationOf(folder, 'Run the tests'), folder);
      const inspector = await program.attach();
      const expected = await breakAt(inspector, path.join(folder, 'processor.test.ts'), '  assert.');
      await inspector.begin();
      expect(await inspector.paused()).toMatchObject(expected);
      await inspector.resume();
      expect(await program.exited).toBe(0);
      expect(program.output()).toMatch(/pass [12]\b[^]*fail 0\b/);
    },
  );

  it('finds svchost from its place in the checkout', async () => {
    const folder = path.join(examples, 'cron-run-at-example');
    const env = parseEnv(readFileSync(path.join(folder, '.env.example'), 'utf8')) as Record<string, string>;
    const host = launch(configurationOf(folder, 'Run once, now'), folder, env);
    await (await host.attach()).begin();
    expect(await host.exited).toBe(0);
    expect(host.output()).toContain('Report of the day!');
  });

  it.each(services)('%s has the configurations of its kind', (name) => {
    const isScheduled = name.startsWith('cron-');
    const model = readLaunchFile(
      path.join(examples, isScheduled ? 'cron-service-example' : 'service-example'),
    );
    const own = readLaunchFile(path.join(examples, name));
    const localRoot = name.includes('/services/') ? '${workspaceFolder}/../..' : '${workspaceFolder}';
    expect(own.configurations).toEqual(
      model.configurations.map((configuration) =>
        configuration.request === 'attach' ? { ...configuration, localRoot } : configuration,
      ),
    );
  });

  it('has exactly the configurations that docs/vscode.md explains', () => {
    const docs = readFileSync(path.join(examples, '../docs/vscode.md'), 'utf8');
    const explained = [...docs.matchAll(/^\| ([A-Z][^|]*?) +\|/gm)].map(([, name]) => name);
    const names = services.flatMap((name) =>
      readLaunchFile(path.join(examples, name)).configurations.map((configuration) => configuration.name),
    );
    expect(explained.sort()).toEqual([...new Set(names)].sort());
  });
});
