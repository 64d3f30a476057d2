// Every page of the documentation is true: its files are written, its commands run, its output compared.
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { deleteNatsQueues } from '../messaging/nats/harness.ts';
import { brokerOptions } from '../messaging/rabbitmq/harness.ts';
import { region, startServer } from '../messaging/sqs/server.ts';
import { deleteQueues } from '../support/queue.ts';
import { install } from './install.ts';
import { kinds, readPage, type Page } from './page.ts';
import { literal } from './pattern.ts';
import { ownNames } from './queue-name.ts';
import { rehearse } from './rehearsal.ts';

const root = path.resolve(import.meta.dirname, '../..');
const names = globSync(['*.md', 'docs/*.md', 'examples/**/README.md'], {
  cwd: root,
  exclude: ['**/node_modules/**'],
}).sort();
const pages = names.map((name) => readPage(root, name));
const readme = pages.find(({ name }) => name === 'README.md')!;

describe('the pages', () => {
  it('contain only blocks of a known kind', () => {
    const counts: Record<string, number> = Object.fromEntries(kinds.map((kind) => [kind, 0]));
    const unknown = pages.flatMap(({ name, blocks }) =>
      blocks.filter(({ kind }) => !(kind in counts)).map(({ kind, line }) => `${name}:${line}: "${kind}"`),
    );
    for (const { kind } of pages.flatMap(({ blocks }) => blocks)) counts[kind] = (counts[kind] ?? 0) + 1;
    const list = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
    process.stdout.write(`Blocks of ${pages.length} pages: ${list.join(', ')}\n`);
    expect(unknown).toEqual([]);
  });

  it('show the commands of .ci/run, in the README, as the only ones that need this repository', () => {
    const ci = readFileSync(path.join(root, '.ci/run'), 'utf8');
    const commands = readme.blocks
      .filter(({ kind }) => kind === 'sh repository')
      .flatMap(({ text }) => text.trim().split('\n'));
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) expect(ci).toMatch(new RegExp(`^step .*'${literal(command)}'`, 'm'));
  });

  const withBlocks = pages
    .filter(({ blocks }) => blocks.length > 0)
    .map((page) => [page.name, page] as const);
  it.for(withBlocks)('%s is true', { timeout: 180_000 }, async ([, page]) => {
    const directory = makeDirectory(page);
    const { env, rename } = await prepareBrokers(page);
    const options = { root, directory, env, rename };
    // The pages of docs/ continue with the service that the README has created.
    if (page.name.startsWith('docs/')) await rehearse(quickStart(), { ...options, rename: (text) => text });
    await rehearse(page, options);
  });
});

/** The README's quick start, up to the installation of its service. */
function quickStart(): Page {
  const blocks = readme.blocks.filter(({ section }) => section === 'Quick start');
  const installed = blocks.findIndex(({ text }) => text === 'npm install\n');
  expect(installed).toBeGreaterThan(0);
  return { ...readme, blocks: blocks.slice(0, installed + 1) };
}

/** An empty directory; for the page of an example, a copy of that example with its dependencies. */
function makeDirectory({ name }: Page): string {
  const directory = realpathSync(mkdtempSync(path.join(tmpdir(), 'svchost-page-')));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const [folder, example] = name.split('/');
  if (folder !== 'examples') return directory;
  // The whole example: one of its services may use a neighbour.
  cpSync(path.join(root, 'examples', example!), path.join(directory, example!), {
    recursive: true,
    filter: (file) => !/\/(node_modules|\.svchost|\.env|\.env\.secrets|\.env\.local)$/.test(file),
  });
  const service = path.join(directory, path.relative('examples', path.dirname(name)));
  if (existsSync(path.join(service, 'package.json'))) install(service, root);
  return service;
}

/** The variables in the page's env files, and in those of its example. */
function envFiles({ name, blocks }: Page): NodeJS.Dict<string>[] {
  const example = path.join(root, path.dirname(name), '.env.example');
  const texts = blocks.filter(({ kind }) => kind === 'ini').map(({ text }) => text);
  if (name.startsWith('examples/') && existsSync(example)) texts.push(readFileSync(example, 'utf8'));
  return texts.map((text) => parseEnv(text));
}

/** The variables that point the commands of a page to the brokers of the tests, if the page uses them. */
async function prepareBrokers(
  page: Page,
): Promise<{ env: Record<string, string>; rename: (text: string) => string }> {
  const files = envFiles(page);
  const uses = (type: string) => files.some(({ MESSAGING_TYPE }) => MESSAGING_TYPE === type);
  const env: Record<string, string> = {};
  if (uses('SqsConnection')) {
    const server = await startServer();
    onTestFinished(() => server.stop());
    Object.assign(env, { AWS_ENDPOINT_URL_SQS: server.address, AWS_REGION: region });
    Object.assign(env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  }
  if (uses('NatsConnection')) {
    const { rename, queues } = ownNames(files);
    onTestFinished(() => deleteNatsQueues(...queues));
    return { env: { ...env, NATS_URL: inject('natsUrl') }, rename };
  }
  if (!uses('RabbitMqConnection')) return { env, rename: (text) => text };
  const url = inject('rabbitMqUrl');
  const { rename, queues } = ownNames(files);
  onTestFinished(() => deleteQueues(url, ...queues));
  return { env: { ...env, ...rabbitMqVariables(url) }, rename };
}

/** The broker of the tests, in the variables that pages set. */
function rabbitMqVariables(url: string): Record<string, string> {
  const { hosts, username, password, virtualHost } = brokerOptions(url);
  return {
    RABBITMQ_HOST: hosts[0]!.hostname,
    RABBITMQ_PORT: String(hosts[0]!.port),
    RABBITMQ_USER: username,
    RABBITMQ_PASSWORD: password,
    RABBITMQ_VIRTUAL_HOST: virtualHost,
    RABBITMQ_TLS: String(url.startsWith('amqps:')),
  };
}
