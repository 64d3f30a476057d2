// Turns variables into settings, or into all of their problems. Pure: the environment is an argument.
import { describe, expect, it } from 'vitest';
import type { Environment } from '../../src/config/environment.ts';
import { readSettings, type Settings } from '../../src/config/settings.ts';
import { variables, type VariableName } from '../../src/config/variables.ts';
import { describeProblem } from '../../src/errors.ts';

const directory = '/srv/mail';

function read(env: Environment, isTerminal = false) {
  // Without MESSAGING_TYPE there would be a warning, which is not the subject of most of these tests.
  return readSettings(
    { MESSAGING_TYPE: 'SqliteConnection', ...env },
    { serviceDirectory: directory, isTerminal },
  );
}

function settingsOf(env: Environment, isTerminal = false): Settings {
  const { settings, problems } = read(env, isTerminal);
  expect(problems).toEqual([]);
  return settings;
}

function rabbitOf(env: Environment) {
  const { messaging } = settingsOf({ ...env, MESSAGING_TYPE: 'RabbitMqConnection' });
  if (messaging.type !== 'RabbitMqConnection') throw new Error(messaging.type);
  return messaging;
}

/** Variables that accept any text, and one with its own parser (see messaging.test.ts). */
const freeText = [
  'PROCESSOR_MODULE',
  'PROCESSOR_TYPE',
  'QUEUE_NAME_PREFIX',
  'DEAD_LETTER_QUEUE_NAME',
  'CONSUME_CONFIG_FILE_PATH',
  'RABBITMQ_USER',
  'RABBITMQ_PASSWORD',
  'RABBITMQ_VIRTUAL_HOST',
  'RABBITMQ_URL',
  'SQLITE_PATH',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_ACCESS_KEY_SECRET',
  'AWS_SESSION_TOKEN',
  'NATS_URL',
  'NATS_USER',
  'NATS_PASSWORD',
  'NATS_TOKEN',
  'NATS_CREDS',
  // Their values are parsed with the schedule: see test/schedule/read.test.ts.
  'CRON_TIME_AMOUNT',
  'CRON_TIME_UNIT',
  'CRON_RUN_AT',
  'CRON_EXPRESSIONS',
  'CRON_TIMEZONE',
] as const;

/** Texts that are never a number. */
const notNumbers = [
  ' ',
  '\t',
  '10s',
  '0x10',
  '1e3',
  'NaN',
  'Infinity',
  '-Infinity',
  '1e400',
  '1,5',
  '1_000',
  '--1',
  '.',
  '٣',
  'ten',
];

const duration = { positive: 'seconds, more than 0 to 4294967, decimals allowed' };
const durationOrZero = 'seconds, 0 to 4294967, decimals allowed';
const hosts =
  'one or more hosts separated by commas, each with or without a port, such as "rabbit-1,rabbit-2:5673"';

/** Each variable that does not accept any text: the expected value, and texts that it refuses. */
const refused: Record<Exclude<VariableName, (typeof freeText)[number]>, [string, readonly string[]]> = {
  EXECUTION_TYPE: ['MESSAGING or CRON', ['messaging', 'Cron', 'HTTP', ' ', 'MESSAGING,CRON']],
  PROCESSOR_LOAD_TIMEOUT: [duration.positive, [...notNumbers, '0', '-1', '4294968']],
  MESSAGING_TYPE: [
    'RabbitMqConnection, SqsConnection, NatsConnection or SqliteConnection',
    ['rabbitmqconnection', 'RabbitMQConnection', 'rabbitmq', ' '],
  ],
  CONCURRENCY: [
    'a whole number from 1 to 65535',
    [...notNumbers, '0', '-1', '1.5', '65536', '9'.repeat(400)],
  ],
  RABBITMQ_NUM_THREADS: ['a whole number from 1 to 65535', [...notNumbers, '0', '-1', '1.5', '65536']],
  RABBITMQ_HOST: [
    hosts,
    [
      ' ',
      ',',
      'a,',
      'a,,b',
      'a b',
      'a:',
      'a:0',
      'a:65536',
      'a:x',
      'http://a',
      '[::1',
      '[a]',
      '::1::2',
      'a:1:2',
    ],
  ],
  RABBITMQ_PORT: ['a whole number from 1 to 65535', [...notNumbers, '0', '-1', '1.5', '65536']],
  RABBITMQ_TLS: ['true or false', [' ', 'on', 'ja', '2', 'truee']],
  RABBITMQ_HEARTBEAT: ['a whole number from 0 to 3600', [...notNumbers, '-1', '1.5', '3601']],
  RABBITMQ_QUEUE_TYPE: ['classic or quorum', [' ', 'stream', 'quorums']],
  AWS_ENDPOINT_URL_SQS: [
    'a URL such as "http://localhost:4566"',
    [' ', 'localhost:4566', 'ftp://localhost', 'http://'],
  ],
  AWS_ENDPOINT_URL: [
    'a URL such as "http://localhost:4566"',
    [' ', 'localhost:4566', 'ftp://localhost', 'http://'],
  ],
  SQS_UNWRAP_SNS: ['true or false', [' ', 'on']],
  NATS_REPLICAS: ['a whole number from 1 to 5', [...notNumbers, '0', '-1', '1.5', '6']],
  NATS_ACK_WAIT: [duration.positive, [...notNumbers, '0', '-1', '4294968']],
  RUN_AT_STARTUP: ['true or false', [' ', 'on', 'once']],
  CRON_REPLICAS: ['each or once', [' ', 'all', 'one']],
  CRASH_MAX_DELIVERIES: ['a whole number from 1 to 1000', [...notNumbers, '0', '-1', '1.5', '1001']],
  RETRY_MAX_ATTEMPTS: ['a whole number from 1 to 1000', [...notNumbers, '0', '-1', '1.5', '1001']],
  RETRY_INITIAL_DELAY: [durationOrZero, [...notNumbers, '-1', '-0.001', '4294968', '9'.repeat(400)]],
  RETRY_FACTOR: ['a number of 1 or more', [...notNumbers, '0', '-1', '0.99', '9'.repeat(400)]],
  RETRY_MAX_DELAY: [durationOrZero, [...notNumbers, '-1', '4294968']],
  PROCESS_TIMEOUT: [duration.positive, [...notNumbers, '0', '0.0', '-1', '4294968']],
  SHUTDOWN_TIMEOUT: [durationOrZero, [...notNumbers, '-1', '4294968']],
  LOG_LEVEL: ['fatal, error, warn, info, debug, trace or silent', [' ', 'verbose', 'warning', '30']],
  LOG_FORMAT: ['json or pretty', [' ', 'text', 'jsonl']],
};

describe('without any variable', () => {
  it('the defaults are those of the README', () => {
    expect(settingsOf({})).toEqual({
      executionType: 'MESSAGING',
      processorModule: undefined,
      processorType: undefined,
      loadTimeoutMs: 60_000,
      messaging: { type: 'SqliteConnection', path: '/srv/mail/.svchost/queue.db' },
      messagingProblems: [],
      schedule: { variables: {}, runAtStartup: false, replicas: 'each' },
      queueNamePrefix: '',
      deadLetterQueueName: undefined,
      concurrency: 1,
      consumeConfigPath: undefined,
      retry: { maxAttempts: 5, initialDelayMs: 1000, factor: 5, maxDelayMs: 300_000 },
      crashMaxDeliveries: 3,
      processTimeoutMs: undefined,
      shutdownTimeoutMs: 30_000,
      log: { level: 'info', format: 'json' },
    });
  });

  it('logs are pretty on a terminal, unless LOG_FORMAT says otherwise', () => {
    expect(settingsOf({}, true).log.format).toBe('pretty');
    expect(settingsOf({ LOG_FORMAT: 'json' }, true).log.format).toBe('json');
  });

  it('an empty variable is an unset one, whichever it is', () => {
    const empty = Object.fromEntries(Object.keys(variables).map((name) => [name, '']));
    const { settings, problems } = readSettings(empty, { serviceDirectory: directory, isTerminal: false });
    expect(problems).toEqual([]);
    expect(settings).toEqual(settingsOf({}));
  });
});

describe('good values', () => {
  it.each<[string, string, (settings: Settings) => unknown, unknown]>([
    ['EXECUTION_TYPE', ' MESSAGING ', (s) => s.executionType, 'MESSAGING'],
    ['PROCESSOR_MODULE', 'lib/a.ts', (s) => s.processorModule, 'lib/a.ts'],
    ['PROCESSOR_LOAD_TIMEOUT', '0.5', (s) => s.loadTimeoutMs, 500],
    ['PROCESSOR_TYPE', 'AServiceProcessor', (s) => s.processorType, 'AServiceProcessor'],
    ['MESSAGING_TYPE', 'SqliteConnection', (s) => s.messaging.type, 'SqliteConnection'],
    ['QUEUE_NAME_PREFIX', 'CST_', (s) => s.queueNamePrefix, 'CST_'],
    ['DEAD_LETTER_QUEUE_NAME', 'graveyard', (s) => s.deadLetterQueueName, 'graveyard'],
    ['CONCURRENCY', '1', (s) => s.concurrency, 1],
    ['CONCURRENCY', ' 65535 ', (s) => s.concurrency, 65_535],
    ['CONCURRENCY', '007', (s) => s.concurrency, 7],
    ['RABBITMQ_NUM_THREADS', '4', (s) => s.concurrency, 4],
    ['CONSUME_CONFIG_FILE_PATH', 'consume.env', (s) => s.consumeConfigPath, '/srv/mail/consume.env'],
    ['CONSUME_CONFIG_FILE_PATH', '/etc/consume.env', (s) => s.consumeConfigPath, '/etc/consume.env'],
    ['SQLITE_PATH', 'var/q.db', (s) => s.messaging, { type: 'SqliteConnection', path: '/srv/mail/var/q.db' }],
    ['SQLITE_PATH', '/var/q.db', (s) => s.messaging, { type: 'SqliteConnection', path: '/var/q.db' }],
    ['RETRY_MAX_ATTEMPTS', '1000', (s) => s.retry.maxAttempts, 1000],
    ['RETRY_INITIAL_DELAY', '0', (s) => s.retry.initialDelayMs, 0],
    ['RETRY_INITIAL_DELAY', '.25', (s) => s.retry.initialDelayMs, 250],
    ['CRASH_MAX_DELIVERIES', '7', (s) => s.crashMaxDeliveries, 7],
    ['RETRY_FACTOR', '1', (s) => s.retry.factor, 1],
    ['RETRY_FACTOR', '+2.5', (s) => s.retry.factor, 2.5],
    ['RETRY_MAX_DELAY', '4294967', (s) => s.retry.maxDelayMs, 4_294_967_000],
    ['PROCESS_TIMEOUT', '1.5', (s) => s.processTimeoutMs, 1500],
    ['PROCESS_TIMEOUT', '0.0001', (s) => s.processTimeoutMs, 1],
    ['SHUTDOWN_TIMEOUT', '0', (s) => s.shutdownTimeoutMs, 0],
    ['LOG_LEVEL', 'WARN', (s) => s.log.level, 'warn'],
    ['LOG_LEVEL', 'silent', (s) => s.log.level, 'silent'],
    ['LOG_FORMAT', 'Pretty', (s) => s.log.format, 'pretty'],
  ])('%s=%j', (name, text, select, expected) => {
    expect(select(settingsOf({ [name]: text }))).toEqual(expected);
  });

  it.each<[string, string, Partial<ReturnType<typeof rabbitOf>>]>([
    ['RABBITMQ_HOST', 'rabbit', { hosts: [{ hostname: 'rabbit', port: 5672 }] }],
    ['RABBITMQ_PORT', '5673', { hosts: [{ hostname: 'localhost', port: 5673 }] }],
    ['RABBITMQ_VIRTUAL_HOST', 'a/b %2f', { virtualHost: 'a/b %2f' }],
    ['RABBITMQ_TLS', 'True', { tls: true, hosts: [{ hostname: 'localhost', port: 5671 }] }],
    ['RABBITMQ_TLS', '1', { tls: true }],
    ['RABBITMQ_TLS', 'yes', { tls: true }],
    ['RABBITMQ_TLS', 'FALSE', { tls: false }],
    ['RABBITMQ_TLS', '0', { tls: false }],
    ['RABBITMQ_TLS', 'no', { tls: false }],
    ['RABBITMQ_HEARTBEAT', '0', { heartbeatS: 0 }],
    ['RABBITMQ_HEARTBEAT', '3600', { heartbeatS: 3600 }],
    ['RABBITMQ_QUEUE_TYPE', 'Quorum', { queueType: 'quorum' }],
    ['RABBITMQ_QUEUE_TYPE', 'classic', { queueType: 'classic' }],
  ])('%s=%j with RabbitMqConnection', (name, text, expected) => {
    expect(rabbitOf({ [name]: text })).toMatchObject(expected);
  });

  it('CONCURRENCY wins over RABBITMQ_NUM_THREADS, with a warning', () => {
    const { settings, warnings } = read({ CONCURRENCY: '3', RABBITMQ_NUM_THREADS: '8' });
    expect(settings.concurrency).toBe(3);
    expect(warnings).toEqual(['CONCURRENCY and RABBITMQ_NUM_THREADS are both set; CONCURRENCY is used']);
  });
});

describe('bad values', () => {
  const rows = Object.entries(refused).flatMap(([name, [expected, values]]) =>
    values.map((value): [string, string, string] => [name, value, expected]),
  );

  it.each(rows)('%s=%j is refused', (name, value, expected) => {
    const { problems, warnings } = read({ [name]: value });
    expect(problems).toEqual([{ name, expected, found: JSON.stringify(value) }]);
    expect(warnings).toEqual([]);
  });

  it('are all reported at once, each with its name, the expected value and the value found', () => {
    const env = Object.fromEntries(Object.entries(refused).map(([name, [, values]]) => [name, values[0]]));
    const lines = read(env).problems.map(describeProblem);
    expect(lines.sort()).toEqual(
      Object.entries(refused)
        .map(([name, [expected, [value]]]) => `${name}: expected ${expected}; found ${JSON.stringify(value)}`)
        .sort(),
    );
  });

  it('of a broker that a schedule does not use are ignored', () => {
    const forgotten = { EXECUTION_TYPE: 'CRON', NODE_ENV: 'production', MESSAGING_TYPE: '' };
    expect(read(forgotten)).toMatchObject({ problems: [], warnings: [] });
    expect(read({ ...forgotten, MESSAGING_TYPE: 'SqsConnection' }).problems).toEqual([]);
    expect(read({ ...forgotten, CRON_REPLICAS: 'once' }).problems).toMatchObject([
      { name: 'MESSAGING_TYPE' },
    ]);
    expect(
      read({ ...forgotten, CRON_REPLICAS: 'once', MESSAGING_TYPE: 'SqsConnection' }).problems,
    ).toContainEqual({
      name: 'CRON_REPLICAS',
      expected:
        'each with SqsConnection, which cannot share a schedule; RabbitMqConnection, NatsConnection and SqliteConnection can',
      found: '"once"',
    });
  });

  it('do not reveal the login of a URL in the wrong variable', () => {
    const { problems } = read({
      RABBITMQ_HOST: 'amqp://mail:p@ss/word@rabbit:5672/',
      LOG_LEVEL: 'x://a:b@c',
    });
    expect(problems.map(({ found }) => found)).toEqual(['"amqp://***@rabbit:5672/"', '"x://***@c"']);
  });
});

describe('names that look like known ones', () => {
  it.each([
    ['RABBITMQ_PASWORD', 'RABBITMQ_PASSWORD'],
    ['RABBITMQ_PASSWORDS', 'RABBITMQ_PASSWORD'],
    ['RABBITMQ_PASS', 'RABBITMQ_PASSWORD'],
    ['RABBITMQ_USERNAME', 'RABBITMQ_USER'],
    ['RABBITMQ_HOSTNAME', 'RABBITMQ_HOST'],
    ['RABBITMQ_HOSTS', 'RABBITMQ_HOST'],
    ['RABITMQ_HOST', 'RABBITMQ_HOST'],
    ['RABBIT_MQ_HOST', 'RABBITMQ_HOST'],
    ['RABBITMQ_VHOST', 'RABBITMQ_VIRTUAL_HOST'],
    ['RABBITMQ_SSL', 'RABBITMQ_TLS'],
    ['RABBITMQ_URI', 'RABBITMQ_URL'],
    ['AMQP_URL', 'RABBITMQ_URL'],
    ['RABBITMQ_NUM_THREAD', 'RABBITMQ_NUM_THREADS'],
    ['MESSAGE_TYPE', 'MESSAGING_TYPE'],
    ['EXECUTON_TYPE', 'EXECUTION_TYPE'],
    ['PROCESOR_MODULE', 'PROCESSOR_MODULE'],
    ['CONCURENCY', 'CONCURRENCY'],
    ['RETRY_MAX_ATTEMPT', 'RETRY_MAX_ATTEMPTS'],
    ['LOGLEVEL', 'LOG_LEVEL'],
  ])('%s is warned about: did you mean %s?', (name, meant) => {
    // MESSAGING_TYPE is left out: a name is not warned about while the one it resembles is set.
    const { warnings } = readSettings({ [name]: 'x' }, { serviceDirectory: directory, isTerminal: false });
    expect(warnings).toContain(`${name} is not known; did you mean ${meant}?`);
  });

  it.each(['RABBITMQ_PASSWORD', 'AWS_SECRET_ACCESS_KEY', 'NATS_TOKEN'])(
    '%s_FILE is known, and not a misspelling',
    (name) => expect(read({ [`${name}_FILE`]: '/run/secrets/x' }).warnings).toEqual([]),
  );

  it.each([
    [
      'a RabbitMQ server',
      ['RABBITMQ_DEFAULT_USER', 'RABBITMQ_DEFAULT_PASS', 'RABBITMQ_NODENAME', 'RABBITMQ_LOGS'],
    ],
    ['RabbitMQ in Kubernetes', ['RABBITMQ_SERVICE_HOST', 'RABBITMQ_SERVICE_PORT', 'RABBITMQ_PORT_5672_TCP']],
    ['a shell', ['PATH', 'HOME', 'LOGNAME', 'USER', 'HOSTNAME', 'SHLVL', 'PWD', 'LANG', 'TERM', '_']],
    ['a proxy', ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy']],
    ['Node and npm', ['NODE_ENV', 'NODE_OPTIONS', 'npm_lifecycle_event', 'npm_config_loglevel']],
    [
      'others',
      ['WEB_CONCURRENCY', 'LOG_FILE', 'SQLITE_DB', 'DATABASE_URL', 'AWS_REGION', 'PORT', 'PROCESSOR_COUNT'],
    ],
    ['processors', ['MailServiceProcessor_QUEUE_NAME', 'PROCESSOR_QUEUE_NAME']],
  ])('similar to those of %s raise no false alarm', (_whose, names) => {
    expect(read(Object.fromEntries(names.map((name) => [name, 'x']))).warnings).toEqual([]);
  });

  it('nor does one beside the name that it resembles', () => {
    expect(read({ RABBITMQ_USERNAME: 'x', RABBITMQ_USER: 'y' }).warnings).toEqual([]);
  });

  it('their values are not shown: a misspelt password is still a password', () => {
    expect(JSON.stringify(read({ RABBITMQ_PASWORD: 'hunter2' }))).not.toContain('hunter2');
  });
});

describe('the tables of this test', () => {
  it('know every variable', () => {
    expect([...Object.keys(refused), ...freeText].sort()).toEqual(Object.keys(variables).sort());
  });
});

describe('a control character', () => {
  it.each([
    ['QUEUE_NAME_PREFIX', 'shop\n', '"shop\\n"'],
    ['RABBITMQ_HOST', 'rabbit\r', '"rabbit\\r"'],
    ['RABBITMQ_USER', '\u001b[31mred', '"\\u001b[31mred"'],
    ['LOG_LEVEL', 'info\n', '"info\\n"'],
    ['CRON_EXPRESSIONS', '* * * * *\u0085', '"* * * * *\\u0085"'],
    ['RABBITMQ_PASSWORD', 'hunter2\n\u0000', '\\n, \\u0000 in it'],
  ])('in %s is a problem that shows it escaped', (name, value, found) => {
    expect(read({ [name]: value }).problems).toContainEqual({
      name,
      expected: 'a value without control characters and line ends',
      found,
    });
  });
});
