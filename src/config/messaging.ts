// Which broker, and how to reach it. Pure.
import path from 'node:path';
import type { Problem } from '../errors.ts';
import type { Environment } from './environment.ts';
import type { Values } from './variables.ts';

export interface RabbitMqSettings {
  readonly type: 'RabbitMqConnection';
  readonly hosts: readonly { readonly hostname: string; readonly port: number }[];
  readonly username: string;
  readonly password: string;
  readonly virtualHost: string;
  readonly tls: boolean;
  /** Seconds; 0 for none. */
  readonly heartbeatS: number;
  readonly queueType: 'classic' | 'quorum' | undefined;
}

export interface SqliteSettings {
  readonly type: 'SqliteConnection';
  /** Absolute. */
  readonly path: string;
}

export interface SqsSettings {
  readonly type: 'SqsConnection';
  readonly region: string;
  /** Undefined for the AWS SDK's own chain. */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
    | undefined;
  /** Undefined for the region's own. */
  readonly endpoint: string | undefined;
  readonly unwrapSns: boolean;
}

export type MessagingSettings = RabbitMqSettings | SqsSettings | SqliteSettings;

interface Read<T> {
  readonly settings: T;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** The broker's settings. Without MESSAGING_TYPE the embedded queue, but never in production. */
export function readMessaging(values: Values, env: Environment, directory: string): Read<MessagingSettings> {
  switch (values.MESSAGING_TYPE) {
    case 'RabbitMqConnection':
      return readRabbitMq(values, env);
    case 'SqsConnection':
      return readSqs(values);
    case 'SqliteConnection':
      return readSqlite(values, directory);
    case undefined:
      // Set to what is no type: that is reported already, and it is not forgotten.
      if (isSet(env, 'MESSAGING_TYPE')) return readSqlite(values, directory);
      // A forgotten variable must not leave a production service listening to an empty file.
      if (env['NODE_ENV'] === 'production') {
        return problem(readSqlite(values, directory), {
          name: 'MESSAGING_TYPE',
          expected:
            'RabbitMqConnection, SqsConnection or SqliteConnection, named explicitly with NODE_ENV=production',
          found: 'nothing',
        });
      }
      return { ...readSqlite(values, directory), warnings: [describeDefault(env)] };
  }
}

function describeDefault(env: Environment): string {
  const forgotten = ['RABBITMQ_URL', 'RABBITMQ_HOST', 'AWS_ENDPOINT_URL_SQS'].find((name) =>
    isSet(env, name),
  );
  const although = forgotten === undefined ? '' : `, although ${forgotten} is set`;
  return `MESSAGING_TYPE is not set; using the embedded queue (SqliteConnection)${although}`;
}

function readSqlite(values: Values, directory: string): Read<SqliteSettings> {
  const file = path.resolve(directory, values.SQLITE_PATH);
  return { settings: { type: 'SqliteConnection', path: file }, problems: [], warnings: [] };
}

/** Keys or no keys: a half set pair would otherwise end as a refusal of SQS, or as somebody else's profile. */
function readSqs(values: Values): Read<SqsSettings> {
  const accessKeyId = values.AWS_ACCESS_KEY_ID;
  const secretAccessKey = values.AWS_SECRET_ACCESS_KEY ?? values.AWS_ACCESS_KEY_SECRET;
  const sessionToken = values.AWS_SESSION_TOKEN;
  const hasKeys = accessKeyId !== undefined && secretAccessKey !== undefined;
  const settings: SqsSettings = {
    type: 'SqsConnection',
    region: values.AWS_REGION?.trim() ?? '',
    credentials: hasKeys
      ? { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
      : undefined,
    endpoint: values.AWS_ENDPOINT_URL_SQS,
    unwrapSns: values.SQS_UNWRAP_SNS,
  };
  const problems = [...regionProblems(values.AWS_REGION)];
  if (accessKeyId !== undefined && secretAccessKey === undefined)
    problems.push(half('AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID'));
  if (accessKeyId === undefined && secretAccessKey !== undefined)
    problems.push(half('AWS_ACCESS_KEY_ID', 'its secret'));
  return { settings, problems, warnings: [] };
}

/** No default: a message sent to the wrong region is one that nobody reads. */
function regionProblems(region: string | undefined): Problem[] {
  if (region !== undefined && /^\s*[a-z]{2,}(-[a-z]+)+-\d+\s*$/.test(region)) return [];
  const found = region === undefined ? 'nothing' : JSON.stringify(region);
  return [{ name: 'AWS_REGION', expected: 'the region of the queues, such as eu-central-1', found }];
}

function readRabbitMq(values: Values, env: Environment): Read<RabbitMqSettings> {
  const tls = values.RABBITMQ_TLS;
  const port = values.RABBITMQ_PORT ?? (tls ? 5671 : 5672);
  const user = values.RABBITMQ_USER;
  const password = values.RABBITMQ_PASSWORD;
  const settings: RabbitMqSettings = {
    type: 'RabbitMqConnection',
    hosts: values.RABBITMQ_HOST.map((host) => ({ hostname: host.hostname, port: host.port ?? port })),
    username: user ?? 'guest',
    password: password ?? 'guest',
    virtualHost: values.RABBITMQ_VIRTUAL_HOST,
    tls,
    heartbeatS: values.RABBITMQ_HEARTBEAT,
    queueType: values.RABBITMQ_QUEUE_TYPE,
  };
  if (values.RABBITMQ_URL !== undefined) return readRabbitMqUrl(settings, values.RABBITMQ_URL, env);
  const result = { settings, problems: [], warnings: [] };
  if (user !== undefined && password === undefined)
    return problem(result, half('RABBITMQ_PASSWORD', 'RABBITMQ_USER'));
  if (user === undefined && password !== undefined)
    return problem(result, half('RABBITMQ_USER', 'RABBITMQ_PASSWORD'));
  return result;
}

/** The variables that a URL stands in for. */
const urlParts = ['HOST', 'PORT', 'USER', 'PASSWORD', 'VIRTUAL_HOST', 'TLS'].map(
  (part) => `RABBITMQ_${part}`,
);

/** Takes the address from a URL; what a URL cannot say (heartbeat, queue type) stays. */
function readRabbitMqUrl(settings: RabbitMqSettings, text: string, env: Environment): Read<RabbitMqSettings> {
  const address = parseAmqpUrl(text);
  const unused = urlParts.filter((name) => isSet(env, name));
  const warnings =
    unused.length === 0 ? [] : [`RABBITMQ_URL is set, and used in place of ${unused.join(', ')}`];
  if (address) return { settings: { ...settings, ...address }, problems: [], warnings };
  return problem(
    { settings, problems: [], warnings: [] },
    {
      name: 'RABBITMQ_URL',
      expected: 'amqp://user:password@host:port/vhost or amqps://…, with special characters percent-encoded',
      found: '***',
    },
  );
}

/** The parts of an AMQP URL (RabbitMQ URI specification); undefined where it is none. */
function parseAmqpUrl(
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

/** An empty variable is an unset one, as in settings.ts. */
function isSet(env: Environment, name: string): boolean {
  return env[name] !== undefined && env[name] !== '';
}

function half(name: string, other: string): Problem {
  return { name, expected: `a value, since ${other} is set`, found: 'nothing' };
}

function problem<T>(read: Read<T>, found: Problem): Read<T> {
  return { ...read, problems: [...read.problems, found] };
}
