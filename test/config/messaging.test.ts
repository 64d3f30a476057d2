// The choice of the broker by variables, and its address.
import { describe, expect, it } from 'vitest';
import type { Environment } from '../../src/config/environment.ts';
import { readSettings } from '../../src/config/settings.ts';

function read(env: Environment) {
  const { settings, problems, warnings } = readSettings(env, {
    serviceDirectory: '/srv/mail',
    isTerminal: false,
  });
  return { messaging: settings.messaging, problems, warnings };
}

function rabbit(env: Environment) {
  const { messaging, problems, warnings } = read({ MESSAGING_TYPE: 'RabbitMqConnection', ...env });
  expect(problems).toEqual([]);
  if (messaging.type !== 'RabbitMqConnection') throw new Error(messaging.type);
  return { ...messaging, warnings };
}

function hostsOf(text: string): string[] {
  return rabbit({ RABBITMQ_HOST: text }).hosts.map(({ hostname, port }) => `${hostname} ${port}`);
}

describe('MESSAGING_TYPE', () => {
  it('unset means the embedded queue, with a warning', () => {
    const { messaging, problems, warnings } = read({});
    expect(messaging).toEqual({ type: 'SqliteConnection', path: '/srv/mail/.svchost/queue.db' });
    expect(problems).toEqual([]);
    expect(warnings).toEqual(['MESSAGING_TYPE is not set; using the embedded queue (SqliteConnection)']);
  });

  it.each(['RABBITMQ_HOST', 'RABBITMQ_URL', 'NATS_URL'])(
    'unset beside %s looks forgotten, and the warning says so',
    (name) => {
      expect(read({ [name]: 'localhost' }).warnings).toEqual([
        `MESSAGING_TYPE is not set; using the embedded queue (SqliteConnection), although ${name} is set`,
      ]);
    },
  );

  it('unset is an error in production: a service must not listen to an empty file for ever', () => {
    const { problems, warnings } = read({ NODE_ENV: 'production' });
    expect(problems).toEqual([
      {
        name: 'MESSAGING_TYPE',
        expected:
          'RabbitMqConnection, SqsConnection, NatsConnection or SqliteConnection, named explicitly with NODE_ENV=production',
        found: 'nothing',
      },
    ]);
    expect(warnings).toEqual([]);
  });

  it.each(['development', 'test', 'Production', ''])('unset is not an error with NODE_ENV=%j', (value) => {
    expect(read({ NODE_ENV: value }).problems).toEqual([]);
  });

  it('may name the embedded queue in production', () => {
    const { problems, warnings } = read({ NODE_ENV: 'production', MESSAGING_TYPE: 'SqliteConnection' });
    expect([...problems, ...warnings]).toEqual([]);
  });

  it('with a wrong value is one problem, and does not count as unset', () => {
    for (const env of [{}, { NODE_ENV: 'production' }]) {
      const { problems, warnings } = read({ MESSAGING_TYPE: 'rabbit', ...env });
      expect(problems.map(({ found }) => found)).toEqual(['"rabbit"']);
      expect(warnings).toEqual([]);
    }
  });
});

describe('NatsConnection', () => {
  const nats = (env: Environment) => read({ MESSAGING_TYPE: 'NatsConnection', ...env });

  it('has defaults for a server on this machine', () => {
    expect(nats({})).toEqual({
      messaging: {
        type: 'NatsConnection',
        servers: ['localhost:4222'],
        tls: false,
        username: undefined,
        password: undefined,
        token: undefined,
        credentialsPath: undefined,
        replicas: 1,
        ackWaitMs: 30_000,
      },
      problems: [],
      warnings: [],
    });
  });

  it.each([
    ['nats://a', { servers: ['a:4222'], tls: false }],
    ['a:1, b', { servers: ['a:1', 'b:4222'], tls: false }],
    ['tls://a:1,tls://b:2/', { servers: ['a:1', 'b:2'], tls: true }],
    ['nats://[::1]:1', { servers: ['[::1]:1'] }],
    ['nats://me:p%40ss@a', { servers: ['a:4222'], username: 'me', password: 'p@ss', token: undefined }],
    ['nats://secret@a', { username: undefined, password: undefined, token: 'secret' }],
  ])('takes %s', (url, expected) => {
    const { messaging, problems } = nats({ NATS_URL: url });
    expect(problems).toEqual([]);
    expect(messaging).toMatchObject(expected);
  });

  it.each([
    'http://a',
    'nats://',
    ',',
    'a,,b',
    'nats://a:0',
    'nats://a:99999',
    'nats://me:pa#ss@a',
    'nats://a/b',
  ])('refuses the URL %s without showing it', (url) => {
    expect(nats({ NATS_URL: url }).problems).toMatchObject([{ name: 'NATS_URL', found: '***' }]);
  });

  it('takes a login, a token and a credentials file', () => {
    const env = { NATS_USER: 'me', NATS_PASSWORD: 'secret', NATS_CREDS: 'me.creds', NATS_REPLICAS: '3' };
    expect(nats(env).messaging).toMatchObject({
      username: 'me',
      password: 'secret',
      credentialsPath: '/srv/mail/me.creds',
      replicas: 3,
    });
    expect(nats({ NATS_TOKEN: 'token' }).messaging).toMatchObject({ token: 'token' });
  });

  it.each([
    ['NATS_USER', 'NATS_PASSWORD'],
    ['NATS_PASSWORD', 'NATS_USER'],
  ])('%s alone is a problem', (name, missing) => {
    const { problems } = nats({ [name]: 'hunter2' });
    expect(problems.map((problem) => problem.name)).toEqual([missing]);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  it('warns of a login beside one in the URL', () => {
    const env = { NATS_URL: 'nats://me:secret@a', NATS_TOKEN: 'token' };
    expect(nats(env).warnings).toEqual(['NATS_URL names a login, which replaces NATS_TOKEN']);
  });
});

describe('SqsConnection', () => {
  const region = { MESSAGING_TYPE: 'SqsConnection', AWS_REGION: 'eu-central-1' };

  it('needs a region, and has no default', () => {
    const expected = 'the region of the queues, such as eu-central-1';
    expect(read({ MESSAGING_TYPE: 'SqsConnection' }).problems).toEqual([
      { name: 'AWS_REGION', expected, found: 'nothing' },
    ]);
    expect(read({ ...region, AWS_REGION: 'Frankfurt' }).problems).toEqual([
      { name: 'AWS_REGION', expected, found: '"Frankfurt"' },
    ]);
  });

  it('leaves missing keys to the SDK', () => {
    expect(read(region)).toEqual({
      messaging: {
        type: 'SqsConnection',
        region: 'eu-central-1',
        credentials: undefined,
        endpoint: undefined,
        proxy: {},
        unwrapSns: false,
      },
      problems: [],
      warnings: [],
    });
  });

  it.each(['AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_SECRET'])('takes the secret from %s', (name) => {
    const env = { ...region, AWS_ACCESS_KEY_ID: 'id', [name]: 'secret', AWS_SESSION_TOKEN: 'token' };
    expect(read(env).messaging).toMatchObject({
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: 'token' },
    });
  });

  it.each([
    ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
    ['AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID'],
  ])('%s alone is a problem', (name, missing) => {
    const { problems } = read({ ...region, [name]: 'hunter2' });
    expect(problems.map((problem) => problem.name)).toEqual([missing]);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  it('takes the region and the endpoint from the names of other SDKs, which lose against its own', () => {
    const others = { AWS_DEFAULT_REGION: 'us-east-1', AWS_ENDPOINT_URL: 'http://all:1' };
    const sqs = { MESSAGING_TYPE: 'SqsConnection' };
    expect(read({ ...sqs, ...others })).toMatchObject({
      messaging: { region: 'us-east-1', endpoint: 'http://all:1' },
      problems: [],
      warnings: [],
    });
    expect(read({ ...region, ...others, AWS_ENDPOINT_URL_SQS: 'http://sqs:1' }).messaging).toMatchObject({
      region: 'eu-central-1',
      endpoint: 'http://sqs:1',
    });
    expect(read({ ...sqs, AWS_DEFAULT_REGION: 'Frankfurt' }).problems).toMatchObject([
      { name: 'AWS_DEFAULT_REGION', found: '"Frankfurt"' },
    ]);
  });

  it('takes the proxy that is set for all programs, and names one that is no URL without its value', () => {
    const proxy = { HTTPS_PROXY: 'http://me:hunter2@proxy:3128', no_proxy: 'localhost,.internal' };
    expect(read({ ...region, ...proxy }).messaging).toMatchObject({ proxy });
    expect(read({ ...region, HTTP_PROXY: 'me:hunter2@proxy' }).problems).toEqual([
      {
        name: 'HTTP_PROXY',
        expected: 'the URL of a proxy, such as http://proxy:3128',
        found: 'something else',
      },
    ]);
    expect(read({ MESSAGING_TYPE: 'RabbitMqConnection', HTTP_PROXY: 'proxy' }).problems).toEqual([]);
  });

  it('takes an endpoint, and unwraps SNS notifications', () => {
    const env = { ...region, AWS_ENDPOINT_URL_SQS: 'http://localhost:4566', SQS_UNWRAP_SNS: 'true' };
    expect(read(env).messaging).toMatchObject({ endpoint: 'http://localhost:4566', unwrapSns: true });
  });
});

describe('RabbitMQ by separate variables', () => {
  it('defaults to a broker on this machine', () => {
    expect(rabbit({})).toEqual({
      type: 'RabbitMqConnection',
      hosts: [{ hostname: 'localhost', port: 5672 }],
      username: 'guest',
      password: 'guest',
      virtualHost: '/',
      tls: false,
      heartbeatS: 30,
      queueType: undefined,
      warnings: [],
    });
  });

  it('takes user, password and virtual host literally', () => {
    const odd = ' p@ss:w/rd#%41?"\' ';
    const env = { RABBITMQ_USER: odd, RABBITMQ_PASSWORD: odd, RABBITMQ_VIRTUAL_HOST: odd };
    expect(rabbit(env)).toMatchObject({ username: odd, password: odd, virtualHost: odd });
  });

  it.each([
    ['rabbit', ['rabbit 5672']],
    ['rabbit_1.internal', ['rabbit_1.internal 5672']],
    ['a, b:5673 ,c', ['a 5672', 'b 5673', 'c 5672']],
    ['10.0.0.1:1', ['10.0.0.1 1']],
    ['10.0.0.1:65535', ['10.0.0.1 65535']],
    ['::1', ['::1 5672']],
    ['[::1]', ['::1 5672']],
    ['[2001:db8::1]:5673,b', ['2001:db8::1 5673', 'b 5672']],
    ['::ffff:10.0.0.1', ['::ffff:10.0.0.1 5672']],
  ])('RABBITMQ_HOST=%j means the hosts %j', (text, expected) => {
    expect(hostsOf(text)).toEqual(expected);
  });

  it('RABBITMQ_PORT and TLS decide the port of hosts that are given without one', () => {
    const hosts = (env: Environment) =>
      rabbit({ RABBITMQ_HOST: 'a,b:1', ...env }).hosts.map(({ port }) => port);
    expect(hosts({ RABBITMQ_PORT: '7000' })).toEqual([7000, 1]);
    expect(hosts({ RABBITMQ_TLS: 'true' })).toEqual([5671, 1]);
    expect(hosts({ RABBITMQ_TLS: 'true', RABBITMQ_PORT: '7000' })).toEqual([7000, 1]);
  });

  it.each([
    ['RABBITMQ_USER', 'RABBITMQ_PASSWORD'],
    ['RABBITMQ_PASSWORD', 'RABBITMQ_USER'],
  ])('%s without %s is a problem', (name, other) => {
    const { problems } = read({ MESSAGING_TYPE: 'RabbitMqConnection', [name]: 'hunter2' });
    expect(problems).toEqual([{ name: other, expected: `a value, since ${name} is set`, found: 'nothing' }]);
  });
});

describe('RABBITMQ_URL', () => {
  const guest = { username: 'guest', password: 'guest', virtualHost: '/', tls: false };
  const at = (hostname: string, port = 5672) => [{ hostname, port }];

  it.each([
    ['amqp://rabbit', { ...guest, hosts: at('rabbit') }],
    ['amqp://rabbit/', { ...guest, hosts: at('rabbit') }],
    ['AMQP://rabbit:5673', { ...guest, hosts: at('rabbit', 5673) }],
    ['amqps://rabbit', { ...guest, tls: true, hosts: at('rabbit', 5671) }],
    ['amqps://rabbit:5672', { ...guest, tls: true, hosts: at('rabbit') }],
    ['amqp://rabbit/%2f', { ...guest, hosts: at('rabbit') }],
    ['amqp://rabbit//', { ...guest, hosts: at('rabbit') }],
    ['amqp://rabbit/mail', { ...guest, virtualHost: 'mail', hosts: at('rabbit') }],
    ['amqp://rabbit/%2Fmail%20x', { ...guest, virtualHost: '/mail x', hosts: at('rabbit') }],
    ['amqp://rabbit/b%C3%BCro', { ...guest, virtualHost: 'büro', hosts: at('rabbit') }],
    ['amqp://rabbit/büro', { ...guest, virtualHost: 'büro', hosts: at('rabbit') }],
    ['amqp://[::1]', { ...guest, hosts: at('::1') }],
    ['amqp://[2001:db8::1]:5673/v', { ...guest, virtualHost: 'v', hosts: at('2001:db8::1', 5673) }],
    ['amqp://u:p@rabbit/v?heartbeat=10', { ...guest, username: 'u', password: 'p', virtualHost: 'v' }],
    [' amqp://u:p@rabbit ', { ...guest, username: 'u', password: 'p' }],
    [
      'amqp://us%40er:p%40%3A%2F%23%3F%25w@rabbit',
      { ...guest, username: 'us@er', password: 'p@:/#?%w', hosts: at('rabbit') },
    ],
    ['amqp://u:p@ss:w@rabbit', { ...guest, username: 'u', password: 'p@ss:w', hosts: at('rabbit') }],
  ])('%s', (url, expected) => {
    expect(rabbit({ RABBITMQ_URL: url })).toMatchObject(expected);
  });

  it.each([
    ['not a URL', 'rabbit:5672'],
    ['another scheme', 'http://u:hunter2@rabbit'],
    ['no host', 'amqp:///v'],
    ['no slashes', 'amqp:rabbit'],
    ['nothing but blanks', '  '],
    ['a bad escape in the password', 'amqp://u:hunter2%zz@rabbit'],
    ['a bad escape in the virtual host', 'amqp://u:hunter2@rabbit/%e0%a4'],
    ['an invalid port', 'amqp://u:hunter2@rabbit:99999'],
    ['port 0', 'amqp://u:hunter2@rabbit:0'],
    ['a bare # in the password', 'amqp://u:12#hunter2@rabbit/v'],
    ['a bare / in the password', 'amqp://u:12/hunter2@rabbit/v'],
    ['a bare ? in the password', 'amqp://u:12?hunter2@rabbit'],
    ['a virtual host whose / is not encoded', 'amqp://u:hunter2@rabbit/mail/in'],
    ['a virtual host whose first / is not encoded', 'amqp://u:hunter2@rabbit//mail'],
    ['a user without a password', 'amqp://u@rabbit'],
    ['a password without a user', 'amqp://:hunter2@rabbit'],
    ['several hosts', 'amqp://u:hunter2@a,b/'],
    ['several hosts and ports', 'amqp://u:hunter2@a:5672,b:5672/'],
  ])('with %s is a problem that does not reveal it', (_what, url) => {
    const result = read({ MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_URL: url });
    expect(result.problems).toEqual([
      {
        name: 'RABBITMQ_URL',
        expected:
          'amqp://user:password@host:port/vhost or amqps://…, with special characters percent-encoded',
        found: '***',
      },
    ]);
    expect(JSON.stringify(result)).not.toContain('hunter2');
  });

  it('replaces the separate variables, which a warning names', () => {
    const env = { RABBITMQ_URL: 'amqp://u:p@url/v', RABBITMQ_HOST: 'part', RABBITMQ_PASSWORD: 'hunter2' };
    const settings = rabbit({ ...env, RABBITMQ_HEARTBEAT: '7', RABBITMQ_QUEUE_TYPE: 'quorum' });
    expect(settings).toMatchObject({ hosts: at('url'), username: 'u', password: 'p', virtualHost: 'v' });
    expect(settings).toMatchObject({ heartbeatS: 7, queueType: 'quorum' });
    expect(settings.warnings).toEqual(['RABBITMQ_URL is set; it replaces RABBITMQ_HOST, RABBITMQ_PASSWORD']);
  });
});

describe('with a schedule, which runs without a broker', () => {
  const cron = { EXECUTION_TYPE: 'CRON', CRON_TIME_AMOUNT: '1', CRON_TIME_UNIT: 'days' };
  const readCron = (env: Environment) => {
    const { settings, problems, warnings } = readSettings(
      { ...cron, ...env },
      { serviceDirectory: '/srv/mail', isTerminal: false },
    );
    return { problems, warnings, unusable: settings.messagingProblems.map(({ name }) => name) };
  };

  it.each<[string, Environment, string[]]>([
    ['unset', {}, ['MESSAGING_TYPE']],
    ['unset in production', { NODE_ENV: 'production' }, ['MESSAGING_TYPE']],
    ['unset beside a broker that seems to be intended', { RABBITMQ_HOST: 'rabbit' }, ['MESSAGING_TYPE']],
    ['the embedded queue', { MESSAGING_TYPE: 'SqliteConnection' }, []],
    ['RabbitMQ', { MESSAGING_TYPE: 'RabbitMqConnection', NODE_ENV: 'production' }, []],
  ])(
    'MESSAGING_TYPE %s is not a problem of the service, but may be one of sending',
    (_what, env, unusable) => {
      expect(readCron(env)).toEqual({ problems: [], warnings: [], unusable });
    },
  );

  it('names the missing settings of a chosen broker in a warning', () => {
    expect(readCron({ MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_USER: 'mail' })).toEqual({
      problems: [],
      warnings: [
        'messages cannot be sent: RABBITMQ_PASSWORD: expected a value, since RABBITMQ_USER is set; found nothing',
      ],
      unusable: ['RABBITMQ_PASSWORD'],
    });
  });

  it('is as strict as with messages if the replicas share the schedule', () => {
    const shared = { CRON_REPLICAS: 'once', MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_USER: 'mail' };
    const { problems, warnings, unusable } = readCron(shared);
    expect(problems.map(({ name }) => name)).toEqual(unusable);
    expect({ unusable, warnings }).toEqual({ unusable: ['RABBITMQ_PASSWORD'], warnings: [] });
    expect(readCron({ CRON_REPLICAS: 'once' })).toMatchObject({ problems: [], unusable: [] });
  });
});

describe('a container beside a Kubernetes Service named rabbitmq', () => {
  it('is not misled by the RABBITMQ_PORT that Kubernetes sets', () => {
    const { problems, settings } = readSettings(
      { MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_PORT: 'tcp://10.0.0.1:5672' },
      { serviceDirectory: '/srv/mail', isTerminal: false },
    );
    expect(problems).toEqual([]);
    expect(settings.messaging).toMatchObject({ hosts: [{ hostname: 'localhost', port: 5672 }] });
  });

  it('gets no warning about it beside a URL either', () => {
    const { warnings } = readSettings(
      {
        MESSAGING_TYPE: 'RabbitMqConnection',
        RABBITMQ_URL: 'amqp://rabbit',
        RABBITMQ_PORT: 'tcp://10.0.0.1:5672',
      },
      { serviceDirectory: '/srv/mail', isTerminal: false },
    );
    expect(warnings).toEqual([]);
  });
});
