// The broker's address, for amqplib and for people.
import { expect, it } from 'vitest';
import { describeAddress, Endpoint, type RabbitMqOptions } from '../../../src/messaging/rabbitmq/endpoint.ts';

const options: RabbitMqOptions = {
  hosts: [
    { hostname: 'one', port: 5672 },
    { hostname: 'two', port: 5673 },
  ],
  username: 'guest',
  password: 'p@ss/word',
  virtualHost: '/',
  tls: false,
  heartbeatS: 30,
  queueType: undefined,
};

it('keeps the password for amqplib, encodes the virtual host, and shows no password to people', () => {
  expect(new Endpoint(options).address).toEqual({
    protocol: 'amqp',
    hostname: 'one',
    port: 5672,
    username: 'guest',
    password: 'p@ss/word',
    vhost: '%2F',
    heartbeat: 30,
  });
  expect(describeAddress(options)).toBe('amqp://guest:***@one:5672,two:5673/%2F');
  expect(describeAddress({ ...options, tls: true, virtualHost: 'a b' })).toMatch(/^amqps:.*\/a%20b$/);
});

it('tries the hosts in turn, in the object that amqplib reads at each attempt', () => {
  const endpoint = new Endpoint(options);
  const { address } = endpoint;
  const seen = [endpoint.host];
  for (let moves = 0; moves < 2; moves++) {
    endpoint.next();
    seen.push(`${address.hostname}:${address.port}`);
  }
  expect(seen).toEqual(['one:5672', 'two:5673', 'one:5672']);
});

it('needs a host', () => {
  expect(() => new Endpoint({ ...options, hosts: [] })).toThrow(RangeError);
});
