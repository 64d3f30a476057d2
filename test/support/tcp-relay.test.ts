// The relay, between a client and a server that sends everything back.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startRelay, type Relay } from './tcp-relay.ts';

let server: Server;
let relay: Relay;
let received: string;
let serverSide: Promise<Socket>;
const clients: Socket[] = [];

beforeEach(async () => {
  received = '';
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString();
      socket.write(chunk);
    });
  });
  serverSide = once(server, 'connection').then(([socket]) => socket as Socket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  relay = await startRelay((server.address() as AddressInfo).port);
});

afterEach(async () => {
  await relay.close();
  for (const client of clients.splice(0)) client.destroy();
  server.close();
});

async function connected(): Promise<Socket> {
  const client = connect(relay.port, '127.0.0.1');
  clients.push(client);
  await once(client, 'connect');
  return client;
}

/** The echo of `text`. */
async function echo(client: Socket, text: string): Promise<string> {
  client.write(text);
  const [chunk] = (await once(client, 'data')) as [Buffer];
  return chunk.toString();
}

async function failure(client: Socket): Promise<string | undefined> {
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  return error.code;
}

it('forwards bytes both ways, and the end of a connection too', async () => {
  const client = await connected();
  expect(await echo(client, 'hello')).toBe('hello');
  expect(relay.connections).toBe(1);
  const closed = Promise.all([once(client, 'close'), once(await serverSide, 'close')]);
  client.resume().end();
  await closed;
  expect(relay.accepted).toBe(1);
});

it('resets connections on both sides, and accepts new ones', async () => {
  const client = await connected();
  await echo(client, 'hello');
  const brokerFailure = failure(await serverSide);
  const clientFailure = failure(client);
  relay.reset();
  expect(await clientFailure).toBe('ECONNRESET');
  expect(await brokerFailure).toBe('ECONNRESET');
  expect(await echo(await connected(), 'again')).toBe('again');
});

it('refuses connections while open ones stay, and accepts again on the same port', async () => {
  const client = await connected();
  await echo(client, 'hello');
  const { port } = relay;
  await relay.refuse();
  const refused = connect(port, '127.0.0.1');
  expect(await failure(refused)).toBe('ECONNREFUSED');
  expect(await echo(client, 'still open')).toBe('still open');
  await relay.accept();
  expect(relay.port).toBe(port);
  expect(await echo(await connected(), 'new')).toBe('new');
});

it('holds bytes while it is frozen, for open and new connections, and delivers them afterwards', async () => {
  const client = await connected();
  await echo(client, 'hello');
  relay.freeze();
  const late = await connected();
  const answers = Promise.all([echo(client, ' held'), echo(late, ' late')]);
  // There is no event to wait for: time must pass without any data.
  expect(await Promise.race([answers, new Promise((resolve) => setTimeout(resolve, 200, 'silence'))])).toBe(
    'silence',
  );
  expect(received).toBe('hello');
  expect(client.destroyed).toBe(false);
  relay.thaw();
  expect(await answers).toEqual([' held', ' late']);
});

it('resets a frozen connection', async () => {
  const client = await connected();
  await echo(client, 'hello');
  relay.freeze();
  client.write('lost');
  const broken = failure(client);
  relay.reset();
  expect(await broken).toBe('ECONNRESET');
});

it('cuts exactly after the given number of bytes, once', async () => {
  const client = await connected();
  relay.cutAfter(12);
  await echo(client, 'hello');
  const serverClosed = once(await serverSide, 'close').catch(() => undefined);
  const broken = failure(client);
  client.write('hello again');
  expect(await broken).toBe('ECONNRESET');
  await serverClosed;
  expect(received).toBe('hellohello a');
  expect(await echo(await connected(), 'more than twelve bytes')).toBe('more than twelve bytes');
});

it('closes everything, and may be closed twice', async () => {
  const client = await connected();
  await echo(client, 'hello');
  const { port } = relay;
  const closed = once(client.resume(), 'close');
  await relay.close();
  await relay.close();
  await closed;
  expect(await failure(connect(port, '127.0.0.1'))).toBe('ECONNREFUSED');
});
