// SQS through a proxy, as AWS's other SDKs use it: a real proxy in front of a host that only the proxy can find.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { SqsConnection } from '../../../src/messaging/sqs/connection.ts';
import { testContext } from '../../support/context.ts';
import { sqsOptions } from './harness.ts';
import { startServer } from './server.ts';

/** A proxy that sends every request to one server. */
async function startProxy(targetPort: number) {
  const hosts: string[] = [];
  const proxy = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '');
    hosts.push(url.host);
    const options = {
      port: targetPort,
      path: url.pathname,
      method: incoming.method,
      headers: incoming.headers,
    };
    incoming.pipe(
      request(options, (answer) => answer.pipe(outgoing.writeHead(answer.statusCode ?? 500, answer.headers))),
    );
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    hosts,
    [Symbol.dispose]: () => void proxy.close(),
  };
}

it.for(['HTTP_PROXY', 'http_proxy'])('calls go through %s', async (name) => {
  const server = await startServer();
  using proxy = await startProxy(server.port);
  const options = sqsOptions('http://sqs.invalid:80', { proxy: { [name]: proxy.url } });
  const adapter = new SqsConnection(options, testContext());
  await adapter.connect();
  await adapter.ensureQueue('orders');
  await adapter.close();
  await server.stop();
  expect(new Set(proxy.hosts)).toEqual(new Set(['sqs.invalid']));
  expect(proxy.hosts.length).toBeGreaterThan(1);
});

it('calls to a host of NO_PROXY do not', async () => {
  const server = await startServer();
  using proxy = await startProxy(server.port);
  const options = sqsOptions(server.address, {
    proxy: { HTTP_PROXY: proxy.url, NO_PROXY: 'localhost,127.0.0.1' },
  });
  const adapter = new SqsConnection(options, testContext());
  await adapter.connect();
  await adapter.close();
  await server.stop();
  expect(proxy.hosts).toEqual([]);
});
