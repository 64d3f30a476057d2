// The search for the shared broker, against real ones.
import { expect, inject, it } from 'vitest';
import { provideBroker } from './broker.ts';
import { handshake, withoutPassword } from './handshake.ts';
import { freePort } from './port.ts';

it('uses the broker that is named, reports it without the password, and leaves it running', async () => {
  const url = inject('rabbitMqUrl');
  const broker = await provideBroker({ url });
  await broker.close();
  expect(broker.url).toBe(url);
  expect(broker.description).toMatch(/^RabbitMQ \d\S* at amqp.*, named by RABBITMQ_URL$/);
  expect(broker.description).not.toContain(`:${new URL(url).password}@`);
  await expect(handshake(url)).resolves.toMatchObject({ product: 'RabbitMQ' });
});

it('uses a running one if none is named', async () => {
  const localUrl = inject('rabbitMqUrl');
  const broker = await provideBroker({ url: undefined, localUrl });
  await broker.close();
  expect(broker).toMatchObject({
    url: localUrl,
    description: expect.stringContaining('already running') as string,
  });
  await expect(handshake(localUrl)).resolves.toBeDefined();
});

it('fails, and names the variable, if the named broker is not there: no other is used instead', async () => {
  const url = `amqp://guest:very-secret@127.0.0.1:${await freePort()}`;
  const search = provideBroker({ url, waitMs: 0 });
  await expect(search).rejects.toThrow(`RABBITMQ_URL is ${withoutPassword(url)}: connect ECONNREFUSED`);
  await expect(search).rejects.not.toThrow('very-secret');
});

it('fails if the named broker refuses the login', async () => {
  const url = new URL(inject('rabbitMqUrl'));
  url.password = 'wrong-on-purpose';
  // Without waiting: trying again cannot help.
  await expect(provideBroker({ url: url.href })).rejects.toThrow(/RABBITMQ_URL is .*ACCESS.REFUSED/);
});

it('starts one if nothing listens, and ends it', async () => {
  const localUrl = `amqp://guest:guest@localhost:${await freePort()}`;
  const broker = await provideBroker({ url: undefined, localUrl });
  try {
    expect(broker.url).not.toBe(localUrl);
    expect(broker.description).toMatch(/started/);
    await expect(handshake(broker.url)).resolves.toMatchObject({ product: 'RabbitMQ' });
  } finally {
    await broker.close();
  }
  await expect(handshake(broker.url)).rejects.toThrow('ECONNREFUSED');
}, 120_000);
