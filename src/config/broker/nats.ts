// NATS JetStream: its variables, its settings, its rules for queue names. Pure.
import path from 'node:path';
import type { Problem } from '../../errors.ts';
import { durationMs, integer, text } from '../variable/value.ts';
import { variable } from '../variable/variable.ts';
import { missingHalf, type Broker, type Given, type QueueNameRules, type Reading } from './broker.ts';

/** The settings of NatsConnection. */
export interface NatsSettings {
  readonly type: 'NatsConnection';
  /** Each `host:port`; tried in turn; at least one. */
  readonly servers: readonly string[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  /** The absolute path of a credentials file. */
  readonly credentialsPath: string | undefined;
  /** How many servers of a cluster keep each stream that svchost creates. */
  readonly replicas: number;
  /** How long a delivery is leased at a time, in milliseconds, for consumers that svchost creates. */
  readonly ackWaitMs: number;
}

const variables = {
  NATS_URL: variable(text, {
    fallbackText: 'nats://localhost:4222',
    description:
      'the server, as `nats://` or `tls://`; several separated by commas; may hold `user:password@` or `token@`',
    secret: true,
  }),
  NATS_USER: variable(text, { fallbackText: 'none', description: 'the user' }),
  NATS_PASSWORD: variable(text, {
    fallbackText: 'none',
    description: "the user's password",
    secret: true,
  }),
  NATS_TOKEN: variable(text, {
    fallbackText: 'none',
    description: 'a token, instead of user and password',
    secret: true,
  }),
  NATS_CREDS: variable(text, {
    fallbackText: 'none',
    description: 'a credentials file (`.creds`), relative to the service directory',
  }),
  NATS_REPLICAS: variable(integer(1, 5), {
    fallback: '1',
    description: 'how many servers keep each queue that svchost creates; existing ones are used as they are',
  }),
  NATS_ACK_WAIT: variable(durationMs('positive'), {
    fallback: '30',
    description:
      'seconds until the messages of a host that has died are redelivered; for queues that svchost creates',
  }),
} as const;

/** The longest name of a stream, in characters (nats-server, JSMaxNameLen). */
const longestStreamName = 255;

const queueNames: QueueNameRules = {
  deadLetter: (queueName) => `${queueName}_dead`,
  fault: (queueName) => {
    // Any byte but a letter, digit, `_` or `-` takes three characters; see messaging/nats/name.ts.
    const plain = queueName.match(/[\w-]/g)?.length ?? 0;
    const length = plain + 3 * (Buffer.byteLength(queueName) - plain);
    if (length <= longestStreamName) return undefined;
    return `a queue name that takes at most ${longestStreamName} characters in NATS: letters, digits, "_" and "-" take one, all other bytes three`;
  },
  pairFault: () => undefined,
};

/** NATS JetStream. */
export const nats: Broker<typeof variables, NatsSettings> = {
  name: 'NATS',
  console: 'the nats command',
  variables,
  signs: ['NATS_URL'],
  otherNames: { NATS_SERVERS: 'NATS_URL', NATS_CREDENTIALS: 'NATS_CREDS' },
  consumeVariables: {},
  sharesSchedules: true,
  queueNames,
  read: (given) => {
    const { values, serviceDirectory } = given;
    const address = parseUrls(values.NATS_URL ?? 'nats://localhost:4222');
    const login = { username: values.NATS_USER, password: values.NATS_PASSWORD, token: values.NATS_TOKEN };
    const settings: NatsSettings = {
      type: 'NatsConnection',
      servers: address?.servers ?? ['localhost:4222'],
      tls: address?.tls ?? false,
      ...(address?.login ?? login),
      credentialsPath: values.NATS_CREDS && path.resolve(serviceDirectory, values.NATS_CREDS),
      replicas: values.NATS_REPLICAS,
      ackWaitMs: values.NATS_ACK_WAIT,
    };
    const problems = [...(address ? [] : [urlProblem]), ...halfLogin(values)];
    return { settings, problems, warnings: unusedLogin(address?.login, given) };
  },
};

type Values = Given<typeof variables>['values'];

type Login = Pick<NatsSettings, 'username' | 'password' | 'token'>;

const urlProblem: Problem = {
  name: 'NATS_URL',
  expected:
    'nats://host:port or tls://host:port, several separated by commas, with special characters percent-encoded',
  found: '***',
};

function halfLogin({ NATS_USER: user, NATS_PASSWORD: password }: Values): Problem[] {
  if (user !== undefined && password === undefined) return [missingHalf('NATS_PASSWORD', 'NATS_USER')];
  if (user === undefined && password !== undefined) return [missingHalf('NATS_USER', 'NATS_PASSWORD')];
  return [];
}

function unusedLogin(
  login: Login | undefined,
  { isSet }: Given<typeof variables>,
): Reading<NatsSettings>['warnings'] {
  if (!login) return [];
  const unused = (['NATS_USER', 'NATS_PASSWORD', 'NATS_TOKEN'] as const).filter(isSet);
  return unused.length === 0 ? [] : [`NATS_URL names a login, which replaces ${unused.join(', ')}`];
}

/** The parts of a list of URLs; undefined if one is invalid. The first login counts for all servers. */
function parseUrls(list: string): { servers: string[]; tls: boolean; login: Login | undefined } | undefined {
  const urls = list.split(',').map((each) => parseUrl(each.trim()));
  if (!urls.every((url) => url !== undefined)) return undefined;
  return {
    servers: urls.map(({ server }) => server),
    tls: urls.some(({ tls }) => tls),
    login: urls.find(({ login }) => login)?.login,
  };
}

function parseUrl(text: string): { server: string; tls: boolean; login: Login | undefined } | undefined {
  try {
    const url = new URL(text.includes('://') ? text : `nats://${text}`);
    if (!['nats:', 'tls:'].includes(url.protocol) || url.hostname === '' || url.port === '0')
      return undefined;
    // A bare "#", "?" or "/" in a password ends the host early.
    if (url.hash !== '' || url.search !== '' || !['', '/'].includes(url.pathname)) return undefined;
    const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    const login: Login =
      password === ''
        ? { username: undefined, password: undefined, token: user }
        : { username: user, password, token: undefined };
    return {
      server: `${url.hostname}:${url.port === '' ? '4222' : url.port}`,
      tls: url.protocol === 'tls:',
      login: user === '' ? undefined : login,
    };
  } catch {
    return undefined;
  }
}
