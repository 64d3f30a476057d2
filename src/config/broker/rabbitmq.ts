// RabbitMQ: its variables and its settings. Pure.
import type { Problem } from '../../errors.ts';
import { anyCaseChoice, flag, hostList, integer, text } from '../variable/value.ts';
import { variable } from '../variable/variable.ts';
import { anyQueueName, missingHalf, type Broker, type Given, type Reading } from './broker.ts';

/** The address of one RabbitMQ node. */
export interface RabbitMqHost {
  readonly hostname: string;
  readonly port: number;
}

/** The type of a RabbitMQ queue. */
export type RabbitMqQueueType = 'classic' | 'quorum';

/** The settings of RabbitMqConnection. */
export interface RabbitMqSettings {
  readonly type: 'RabbitMqConnection';
  /** Tried in turn; at least one. */
  readonly hosts: readonly RabbitMqHost[];
  readonly username: string;
  readonly password: string;
  readonly virtualHost: string;
  readonly tls: boolean;
  /** Heartbeat in seconds, 0 for none; a dead peer is noticed after two of them. */
  readonly heartbeatS: number;
  /** The type of the queues that svchost creates; undefined for the broker's default. */
  readonly queueType: RabbitMqQueueType | undefined;
}

const variables = {
  RABBITMQ_HOST: variable(hostList, {
    fallback: 'localhost',
    description: 'the host, or several separated by commas, each with or without `:port`',
  }),
  RABBITMQ_PORT: variable(integer(1, 65_535), {
    fallbackText: '5672, with TLS 5671',
    description: 'the port of hosts that are given without one',
  }),
  RABBITMQ_USER: variable(text, { fallbackText: 'guest', description: 'the user' }),
  RABBITMQ_PASSWORD: variable(text, {
    fallbackText: 'guest',
    description: "the user's password",
    secret: true,
  }),
  RABBITMQ_VIRTUAL_HOST: variable(text, { fallback: '/', description: 'the virtual host' }),
  RABBITMQ_TLS: variable(flag, {
    fallback: 'false',
    description: 'encrypt the connection; set NODE_EXTRA_CA_CERTS for a private CA',
  }),
  RABBITMQ_URL: variable(text, {
    description: 'an `amqp://` or `amqps://` URL that replaces the six above',
    secret: true,
  }),
  RABBITMQ_HEARTBEAT: variable(integer(0, 3600), {
    fallback: '30',
    description: 'seconds between heartbeats, 0 for none; a dead broker is noticed after two',
  }),
  RABBITMQ_QUEUE_TYPE: variable(anyCaseChoice('classic', 'quorum'), {
    fallbackText: "the broker's",
    description:
      'the type of queues that svchost creates, except wait queues; existing ones are used as they are',
  }),
} as const;

/** RabbitMQ. */
export const rabbitMq: Broker<typeof variables, RabbitMqSettings> = {
  name: 'RabbitMQ',
  console: 'its management UI',
  variables,
  signs: ['RABBITMQ_URL', 'RABBITMQ_HOST'],
  otherNames: {
    AMQP_URL: 'RABBITMQ_URL',
    RABBITMQ_SSL: 'RABBITMQ_TLS',
    RABBITMQ_VHOST: 'RABBITMQ_VIRTUAL_HOST',
  },
  consumeVariables: {},
  sharesSchedules: true,
  queueNames: anyQueueName,
  read: (given) => {
    const { values } = given;
    const settings = readParts(values);
    if (values.RABBITMQ_URL !== undefined) return readUrl(settings, values.RABBITMQ_URL, given);
    return { settings, problems: halfLogin(values), warnings: [] };
  },
};

type Values = Given<typeof variables>['values'];

function readParts(values: Values): RabbitMqSettings {
  const tls = values.RABBITMQ_TLS;
  const port = values.RABBITMQ_PORT ?? (tls ? 5671 : 5672);
  return {
    type: 'RabbitMqConnection',
    hosts: values.RABBITMQ_HOST.map((host) => ({ hostname: host.hostname, port: host.port ?? port })),
    username: values.RABBITMQ_USER ?? 'guest',
    password: values.RABBITMQ_PASSWORD ?? 'guest',
    virtualHost: values.RABBITMQ_VIRTUAL_HOST,
    tls,
    heartbeatS: values.RABBITMQ_HEARTBEAT,
    queueType: values.RABBITMQ_QUEUE_TYPE,
  };
}

function halfLogin({ RABBITMQ_USER: user, RABBITMQ_PASSWORD: password }: Values): Problem[] {
  if (user !== undefined && password === undefined)
    return [missingHalf('RABBITMQ_PASSWORD', 'RABBITMQ_USER')];
  if (user === undefined && password !== undefined)
    return [missingHalf('RABBITMQ_USER', 'RABBITMQ_PASSWORD')];
  return [];
}

/** The variables that a URL replaces. */
const urlParts = [
  'RABBITMQ_HOST',
  'RABBITMQ_PORT',
  'RABBITMQ_USER',
  'RABBITMQ_PASSWORD',
  'RABBITMQ_VIRTUAL_HOST',
  'RABBITMQ_TLS',
] as const;

/** Takes the address from a URL, and keeps the heartbeat and queue type, which a URL cannot express. */
function readUrl(
  settings: RabbitMqSettings,
  url: string,
  { isSet }: Given<typeof variables>,
): Reading<RabbitMqSettings> {
  const address = parseUrl(url);
  if (address === undefined) {
    const expected =
      'amqp://user:password@host:port/vhost or amqps://…, with special characters percent-encoded';
    return { settings, problems: [{ name: 'RABBITMQ_URL', expected, found: '***' }], warnings: [] };
  }
  const unused = urlParts.filter(isSet);
  const warnings = unused.length === 0 ? [] : [`RABBITMQ_URL is set; it replaces ${unused.join(', ')}`];
  return { settings: { ...settings, ...address }, problems: [], warnings };
}

/** The parts of an AMQP URL (RabbitMQ URI specification); undefined if the text is not one. */
function parseUrl(
  text: string,
): Pick<RabbitMqSettings, 'hosts' | 'tls' | 'username' | 'password' | 'virtualHost'> | undefined {
  try {
    const url = new URL(text);
    const tls = url.protocol === 'amqps:';
    if ((!tls && url.protocol !== 'amqp:') || /^$|,/.test(url.hostname) || url.port === '0') return undefined;
    // A bare "#", "?" or "/" in a password ends the host early, and its rest would pass for a virtual host.
    if (url.hash !== '' || url.search.includes('@') || /[^/]\/|\/\/./.test(url.pathname)) return undefined;
    const anonymous = url.username === '' && url.password === '';
    if (!anonymous && (url.username === '' || url.password === '')) return undefined;
    return {
      hosts: [
        {
          hostname: url.hostname.replace(/^\[|\]$/g, ''),
          port: url.port === '' ? (tls ? 5671 : 5672) : Number(url.port),
        },
      ],
      tls,
      username: anonymous ? 'guest' : decodeURIComponent(url.username),
      password: anonymous ? 'guest' : decodeURIComponent(url.password),
      virtualHost: decodeURIComponent(url.pathname.slice(1)) || '/',
    };
  } catch {
    return undefined;
  }
}
