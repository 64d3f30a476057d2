// Every variable svchost reads, declared once: how it is read, its default, what it means, whether it is secret.
import { makeExactValidator, type ValidatorSpec } from 'envalid';
import { logLevels } from '../log.ts';
import {
  anyCaseChoice,
  choice,
  durationMs,
  flag,
  hostList,
  httpUrl,
  integer,
  numberFrom,
  text,
  type Parse,
} from './value.ts';

/** One variable's declaration. */
export interface Variable<T> {
  readonly spec: ValidatorSpec<T | undefined>;
  /** What it means, for people; durations are seconds. */
  readonly description: string;
  /** The default for people; empty where there is none. */
  readonly defaultText: string;
  /** Its value never appears in logs, errors or `svchost check`. */
  readonly secret: boolean;
}

interface Declaration {
  readonly description: string;
  /** The default, written as the variable itself is. */
  readonly fallback?: string;
  /** The default in words, where it is not one value. */
  readonly fallbackText?: string;
  readonly secret?: boolean;
}

function variable<T extends string | number | boolean | object>(
  parse: Parse<T>,
  declaration: Declaration & { fallback: string },
): Variable<T>;
function variable<T extends string | number | boolean | object>(
  parse: Parse<T>,
  declaration: Declaration,
): Variable<T | undefined>;
function variable<T extends string | number | boolean | object>(
  parse: Parse<T>,
  declaration: Declaration,
): Variable<T | undefined> {
  const { description, fallback, fallbackText, secret = false } = declaration;
  const value = fallback === undefined ? undefined : parse(fallback);
  return {
    spec: makeExactValidator<T>(parse)({ default: value, desc: description }),
    description,
    defaultText: fallbackText ?? fallback ?? '',
    secret,
  };
}

/** All variables of fixed name, by group; `<Class>_QUEUE_NAME` depends on the processor (see queue-name.ts). */
export const variables = {
  EXECUTION_TYPE: variable(choice('MESSAGING', 'CRON'), {
    fallback: 'MESSAGING',
    description: 'what drives the processor: messages of a queue, or a schedule (`CRON`)',
  }),
  PROCESSOR_MODULE: variable(text, {
    fallbackText: 'found by itself',
    description: "the processor's module: a path in the service directory, or a package's name",
  }),
  PROCESSOR_TYPE: variable(text, {
    fallbackText: 'found by itself',
    description: "the processor's class, where the module exports several",
  }),

  MESSAGING_TYPE: variable(choice('RabbitMqConnection', 'SqsConnection', 'SqliteConnection'), {
    fallbackText: 'SqliteConnection; none with NODE_ENV=production',
    description:
      'the broker: `RabbitMqConnection`, `SqsConnection`, or `SqliteConnection` for the embedded queue',
  }),
  QUEUE_NAME_PREFIX: variable(text, {
    fallback: '',
    description: 'put before the queue name; may be empty',
  }),
  DEAD_LETTER_QUEUE_NAME: variable(text, {
    fallbackText: '`<queue>_dead`',
    description: 'where messages go that were given up on',
  }),
  CONCURRENCY: variable(integer(1, 65_535), {
    fallbackText: '1',
    description: 'deliveries processed at once; 1 keeps the order of the queue',
  }),
  CONSUME_CONFIG_FILE_PATH: variable(text, {
    description:
      'a dotenv file, re-read: `EXIT_WHEN_FINISHED=1`, on SQS `VISIBILITY_TIMEOUT`, `LISTEN_INTERVAL`',
  }),

  RABBITMQ_HOST: variable(hostList, {
    fallback: 'localhost',
    description: 'the host; several by comma, each with or without `:port`',
  }),
  RABBITMQ_PORT: variable(integer(1, 65_535), {
    fallbackText: '5672, with TLS 5671',
    description: 'the port of hosts that name none',
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
    description: 'encrypt the connection; a private CA goes into NODE_EXTRA_CA_CERTS',
  }),
  RABBITMQ_URL: variable(text, {
    description: '`amqp://` or `amqps://` with everything in it, in place of the six above',
    secret: true,
  }),
  RABBITMQ_NUM_THREADS: variable(integer(1, 65_535), {
    fallbackText: '1',
    description: "the Python host's name for CONCURRENCY, which wins where both are set",
  }),
  RABBITMQ_HEARTBEAT: variable(integer(0, 3600), {
    fallback: '30',
    description: 'seconds between heartbeats, 0 for none; a dead broker is noticed after two',
  }),
  RABBITMQ_QUEUE_TYPE: variable(anyCaseChoice('classic', 'quorum'), {
    fallbackText: "the broker's",
    description: 'the type of queues that svchost has to make; existing ones are used as they are',
  }),

  AWS_REGION: variable(text, {
    fallbackText: 'none; required with SqsConnection',
    description: 'the region of the queues on SQS, such as `eu-central-1`',
  }),
  AWS_ACCESS_KEY_ID: variable(text, {
    fallbackText: 'what the AWS SDK finds',
    description: 'the access key; unset, roles, profiles and single sign-on work',
    secret: true,
  }),
  AWS_SECRET_ACCESS_KEY: variable(text, {
    fallbackText: 'what the AWS SDK finds',
    description: "the access key's secret",
    secret: true,
  }),
  AWS_ACCESS_KEY_SECRET: variable(text, {
    description: "the Python host's name for AWS_SECRET_ACCESS_KEY, which wins where both are set",
    secret: true,
  }),
  AWS_SESSION_TOKEN: variable(text, {
    description: 'the session token of temporary keys',
    secret: true,
  }),
  AWS_ENDPOINT_URL_SQS: variable(httpUrl, {
    fallbackText: "the region's",
    description: 'where SQS is, such as `http://localhost:4566` for a local server',
  }),
  SQS_UNWRAP_SNS: variable(flag, {
    fallback: 'false',
    description: 'give `process` the message of an SNS notification in place of its envelope',
  }),

  SQLITE_PATH: variable(text, {
    fallback: '.svchost/queue.db',
    description: "the embedded queue's file, from the service directory",
  }),

  CRON_TIME_AMOUNT: variable(text, {
    description: 'how many units lie between two runs: a positive number, decimals allowed',
  }),
  CRON_TIME_UNIT: variable(text, {
    description: '`seconds`, `minutes`, `hours`, `days` or `weeks`',
  }),
  CRON_RUN_AT: variable(text, {
    description: 'the time of day, as `07:32` or `07:32:00`, where the unit is days',
  }),
  CRON_EXPRESSIONS: variable(text, {
    description: 'cron expressions, several by `;`, in place of the three above',
  }),
  CRON_TIMEZONE: variable(text, {
    fallbackText: "the machine's",
    description: 'the time zone of all times, by its IANA name such as `Europe/Berlin`',
  }),
  RUN_AT_STARTUP: variable(flag, {
    fallback: 'false',
    description: 'also run once at the start',
  }),
  CRON_REPLICAS: variable(anyCaseChoice('each', 'once'), {
    fallback: 'each',
    description:
      'with several replicas: `each` runs every time, or `once` among them all, which needs a broker',
  }),

  RETRY_MAX_ATTEMPTS: variable(integer(1, 1000), {
    fallback: '5',
    description: 'how often a message is tried before it becomes a dead letter',
  }),
  RETRY_INITIAL_DELAY: variable(durationMs('zero'), {
    fallback: '1',
    description: 'seconds before the second attempt',
  }),
  RETRY_FACTOR: variable(numberFrom(1), {
    fallback: '5',
    description: 'how much longer each further delay is',
  }),
  RETRY_MAX_DELAY: variable(durationMs('zero'), {
    fallback: '300',
    description: 'the longest delay, in seconds',
  }),
  PROCESS_TIMEOUT: variable(durationMs('positive'), {
    fallbackText: 'none',
    description: 'seconds that one call of `process` may take',
  }),
  SHUTDOWN_TIMEOUT: variable(durationMs('zero'), {
    fallback: '30',
    description: 'seconds that work in flight may take after SIGTERM or SIGINT',
  }),

  LOG_LEVEL: variable(anyCaseChoice(...logLevels), {
    fallback: 'info',
    description: 'the least level written: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`',
  }),
  LOG_FORMAT: variable(anyCaseChoice('json', 'pretty'), {
    fallbackText: 'json; pretty on a terminal',
    description: '`json` or `pretty`',
  }),
} as const;

export type VariableName = keyof typeof variables;

/** The values of all variables, typed; undefined where unset and without a default. */
export type Values = {
  readonly [Name in VariableName]: (typeof variables)[Name] extends Variable<infer T> ? T : never;
};

/** What other programs call the same, where that is too far off to be taken for a slip, or nearer to another name. */
export const otherNames: Readonly<Record<string, VariableName | undefined>> = {
  AMQP_URL: 'RABBITMQ_URL',
  RABBITMQ_SSL: 'RABBITMQ_TLS',
  RABBITMQ_VHOST: 'RABBITMQ_VIRTUAL_HOST',
};
