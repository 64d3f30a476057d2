// The search for the shared NATS, and a test's own NATS, with real servers.
import { expect, inject, it } from 'vitest';
import { greet, provideNats, startOwnNats } from './own-nats.ts';
import { freePort } from './port.ts';

it('uses the server that is named, and leaves it running', async () => {
  const url = inject('natsUrl');
  const server = await provideNats({ url });
  await server.close();
  expect(server).toMatchObject({ url, description: expect.stringContaining('named by NATS_URL') as string });
  await greet(url);
});

it('uses a running one if none is named', async () => {
  const localUrl = inject('natsUrl');
  const server = await provideNats({ url: undefined, localUrl });
  await server.close();
  expect(server).toMatchObject({
    url: localUrl,
    description: expect.stringContaining('already running') as string,
  });
});

it('fails, and names the variable, if the server that is named is not there: no other is used in its place', async () => {
  const url = `nats://user:very-secret@127.0.0.1:${await freePort()}`;
  const search = provideNats({ url, waitMs: 0 });
  await expect(search).rejects.toThrow(/The tests need a NATS.*NATS_URL is .*connection refused/s);
  await expect(search).rejects.not.toThrow('very-secret');
});

it('starts one if nothing listens, and ends it', async () => {
  const localUrl = `nats://127.0.0.1:${await freePort()}`;
  const server = await provideNats({ url: undefined, localUrl });
  expect(server.url).not.toBe(localUrl);
  expect(server.description).toMatch(/started/);
  await greet(server.url);
  await server.close();
  await expect(greet(server.url)).rejects.toThrow();
});

it('lets nobody in without the login of a server of a test, and starts it again after a kill', async () => {
  await using server = await startOwnNats({ login: { username: 'me', password: 'p@ss' } });
  await greet(server.url);
  await expect(greet(`nats://127.0.0.1:${server.port}`)).rejects.toThrow(/authorization/i);
  await server.kill();
  await expect(greet(server.url)).rejects.toThrow();
  await server.start();
  await greet(server.url);
});
