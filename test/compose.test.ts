// examples/compose.yaml could be started by Compose: its files and variables exist, and it contains each example.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { variables } from '../src/config/variables.ts';
import { examples, services, type Service } from './support/example.ts';
import { mustRun } from './support/command.ts';

const root = path.resolve(import.meta.dirname, '..');

interface ComposeService {
  readonly image?: string;
  readonly build?: {
    readonly context: string;
    readonly dockerfile_inline: string;
    readonly args: Readonly<Record<string, string>>;
  };
  readonly env_file?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly stop_grace_period?: string;
  readonly read_only?: boolean;
}

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
}

/** A compose file; strict, so that a duplicate key is an error. */
function readCompose(name: string): Compose {
  return parse(readFileSync(path.join(examples, name), 'utf8'), { merge: true, strict: true }) as Compose;
}

const compose = readCompose('compose.yaml');
const hosted = Object.entries(compose.services).filter(([, { build }]) => build !== undefined);

/** The directory of a service that is built, relative to examples/. */
function directoryOf({ build }: ComposeService): string {
  return path.join(build!.context, build!.args['SVC_ROOT_DIR'] ?? '.');
}

/** The variables of a service: its env file, overridden by Compose. */
function environmentOf({ env_file = '', environment }: ComposeService): NodeJS.Dict<string> {
  return { ...parseEnv(readFileSync(path.join(examples, env_file), 'utf8')), ...environment };
}

describe('compose.yaml', () => {
  it('contains each example, by the name of its package', () => {
    const built = hosted.map(([name, service]) => [directoryOf(service), name]);
    const expected = services.map((directory) => [directory, path.basename(directory)]);
    expect(built.sort()).toEqual(expected.sort());
  });

  it.each(hosted)('builds %s from the image alone, with this checkout in place of file:', (_, service) => {
    const { build } = service;
    expect(build).toMatchObject({
      dockerfile_inline: 'FROM rococo-service-base-onbuild',
      args: { ENVIRONMENT: 'development' },
    });
    const known = ['ENVIRONMENT', 'INSTALL_DEV', 'SVC_ROOT_DIR'];
    expect(Object.keys(build!.args).filter((name) => !known.includes(name))).toEqual([]);
    expect(existsSync(path.join(examples, directoryOf(service), 'package.json'))).toBe(true);
  });

  it.each(hosted)('sets only variables that svchost knows for %s', (_, service) => {
    const names = Object.keys(environmentOf(service));
    expect(names).not.toHaveLength(0);
    expect(
      names.filter((name) => !(name in variables) && !/^\w+ServiceProcessor_QUEUE_NAME$/.test(name)),
    ).toEqual([]);
  });

  it.each(hosted)('lets %s drain, on a read-only file system', (_, service) => {
    const shutdownTimeout = Number(
      environmentOf(service)['SHUTDOWN_TIMEOUT'] ?? variables.SHUTDOWN_TIMEOUT.defaultText,
    );
    expect(service.stop_grace_period).toMatch(/^\d+s$/);
    expect(Number.parseInt(service.stop_grace_period!)).toBeGreaterThanOrEqual(shutdownTimeout + 5);
    expect(service.read_only).toBe(true);
    // The embedded queue's file could not be written there.
    expect(environmentOf(service)['MESSAGING_TYPE']).not.toBe('SqliteConnection');
  });

  it('starts a service when its broker is healthy, and connects it to that broker', () => {
    const brokers = { RabbitMqConnection: 'rabbitmq', SqsConnection: 'sqs' };
    for (const [, service] of hosted) {
      const env = environmentOf(service);
      const broker = brokers[env['MESSAGING_TYPE'] as keyof typeof brokers] as string | undefined;
      const expected = broker === undefined ? undefined : { [broker]: { condition: 'service_healthy' } };
      expect(service.depends_on).toEqual(expected);
      if (broker === 'rabbitmq') expect(env['RABBITMQ_HOST']).toBe('rabbitmq');
      if (broker === 'sqs') expect(env['AWS_ENDPOINT_URL_SQS']).toBe('http://sqs:4566');
    }
    const { environment } = compose.services['rabbitmq']!;
    const { environment: given } = compose.services['service-example']!;
    expect([given?.['RABBITMQ_USER'], given?.['RABBITMQ_PASSWORD']]).toEqual(Object.values(environment!));
  });

  it('uses the same SQS server as the tests, in the same version', () => {
    const file = path.join(root, 'node_modules/fauxqs/package.json');
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    expect(compose.services['sqs']?.image).toBe(`kibertoad/fauxqs:${version}`);
  });
});

describe('all compose files', () => {
  it.each(['compose.yaml', 'compose.debug.yaml'])('%s publishes ports to this machine only', (name) => {
    const ports = Object.values(readCompose(name).services).flatMap((service) => service.ports ?? []);
    expect(ports).not.toHaveLength(0);
    expect(ports.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))).toEqual([]);
  });

  it('have the same services', () => {
    const names = Object.keys(readCompose('compose.debug.yaml').services);
    expect(names.filter((name) => !(name in compose.services))).toEqual([]);
  });
});

describe('npm run examples:pack', () => {
  it('puts the package and its dependencies into the dev_packages of each example', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'svchost-pack-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const copy = (service: Service) =>
      cpSync(path.join(examples, service, 'Dockerfile'), path.join(folder, service, 'Dockerfile'));
    services.forEach(copy);
    // Twice: the second run finds the tarballs of the first.
    await mustRun(process.execPath, [path.join(examples, 'pack.ts'), folder]);
    const stdout = await mustRun(process.execPath, [path.join(examples, 'pack.ts'), folder]);
    const packed = stdout.trimEnd().split('\n');
    expect(packed.map((file) => path.dirname(path.dirname(file))).sort()).toEqual([...services].sort());
    for (const file of packed) {
      const tar = gunzipSync(readFileSync(path.join(folder, file)));
      expect(tar.includes('package/dist/bin.js')).toBe(true);
    }
  });
});
