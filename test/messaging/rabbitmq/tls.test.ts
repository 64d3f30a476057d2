// RabbitMQ with TLS, through a relay with its own certificate. key.pem and cert.pem are for this test only, and valid
// for a hundred years.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer } from 'node:tls';
import { expect, inject, it, onTestFinished } from 'vitest';
import { runCli } from '../../support/host-process.ts';
import { brokerOptions } from './harness.ts';

const fixtures = path.resolve(import.meta.dirname, 'fixtures');
const certificate = path.join(fixtures, 'cert.pem');

/** A TLS server on the loopback that forwards to the shared broker. */
async function startTlsRelay(): Promise<number> {
  const [broker] = brokerOptions(inject('rabbitMqUrl')).hosts;
  const credentials = { key: readFileSync(path.join(fixtures, 'key.pem')), cert: readFileSync(certificate) };
  const server = createServer(credentials, (client) => {
    const upstream = connectTcp(broker!.port, broker!.hostname);
    client.pipe(upstream).pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  // A client that does not trust the certificate ends the handshake; it reports that itself.
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** `svchost check --connect` of a small service, which trusts `trusted`. */
async function checkConnect(host: string, port: number, trusted: string | undefined) {
  const cwd = mkdtempSync(path.join(tmpdir(), 'svchost-tls-'));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
  writeFileSync(path.join(cwd, 'package.json'), '{ "name": "tls", "version": "1.0.0", "type": "module" }');
  writeFileSync(path.join(cwd, 'processor.js'), 'export class TlsServiceProcessor { process() {} }');
  const { username, password, virtualHost } = brokerOptions(inject('rabbitMqUrl'));
  const env = {
    TlsServiceProcessor_QUEUE_NAME: 'tls',
    MESSAGING_TYPE: 'RabbitMqConnection',
    RABBITMQ_TLS: 'true',
    RABBITMQ_HOST: host,
    RABBITMQ_PORT: String(port),
    RABBITMQ_USER: username,
    RABBITMQ_PASSWORD: password,
    RABBITMQ_VIRTUAL_HOST: virtualHost,
    ...(trusted === undefined ? {} : { NODE_EXTRA_CA_CERTS: trusted }),
  };
  return runCli(['check', '--connect'], { cwd, env });
}

it.for(['localhost', '127.0.0.1'])('connects to %s, whose certificate it trusts', async (host) => {
  const { code, stdout } = await checkConnect(host, await startTlsRelay(), certificate);
  expect(stdout).toContain(`amqps://`);
  expect(code).toBe(0);
});

it('does not connect to a host whose certificate it does not trust, and says why', async () => {
  const { code, stdout } = await checkConnect('localhost', await startTlsRelay(), undefined);
  expect(stdout).toContain('self-signed certificate');
  expect(code).not.toBe(0);
});
