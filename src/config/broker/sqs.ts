// SQS: its variables, its settings, its rules for queue names. Pure.
import type { Problem } from '../../errors.ts';
import { flag, httpUrl, integer, text } from '../variable/value.ts';
import { variable } from '../variable/variable.ts';
import { missingHalf, type Broker, type QueueNameRules } from './broker.ts';

/** Keys of an AWS user or session. */
export interface SqsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The settings of SqsConnection. */
export interface SqsSettings {
  readonly type: 'SqsConnection';
  /** Such as `eu-central-1`; there is no default. */
  readonly region: string;
  /** Undefined for the SDK's own chain: roles, profiles, single sign-on. */
  readonly credentials: SqsCredentials | undefined;
  /** The URL of SQS; undefined for the region's own. The host of a queue's URL never replaces it. */
  readonly endpoint: string | undefined;
  /** The variables of a proxy, such as HTTPS_PROXY and NO_PROXY, by name; empty for none. */
  readonly proxy: Readonly<Record<string, string>>;
  /** Deliver the message of an SNS notification in place of its envelope. */
  readonly unwrapSns: boolean;
}

const variables = {
  AWS_REGION: variable(text, {
    fallbackText: 'none; required with SqsConnection',
    description: 'the region of the queues on SQS, such as `eu-central-1`',
  }),
  AWS_DEFAULT_REGION: variable(text, {
    description: 'the name of AWS_REGION in other AWS SDKs; AWS_REGION wins if both are set',
  }),
  AWS_ACCESS_KEY_ID: variable(text, {
    fallbackText: 'found by the AWS SDK',
    description: 'the access key; if unset, roles, profiles or single sign-on are used',
    secret: true,
  }),
  AWS_SECRET_ACCESS_KEY: variable(text, {
    fallbackText: 'found by the AWS SDK',
    description: "the access key's secret",
    secret: true,
  }),
  AWS_ACCESS_KEY_SECRET: variable(text, {
    description: "the Python host's name for AWS_SECRET_ACCESS_KEY, which wins if both are set",
    secret: true,
  }),
  AWS_SESSION_TOKEN: variable(text, {
    description: 'the session token of temporary keys',
    secret: true,
  }),
  AWS_ENDPOINT_URL_SQS: variable(httpUrl, {
    fallbackText: "the region's",
    description: 'the URL of SQS, such as `http://localhost:4566` for a local server',
  }),
  AWS_ENDPOINT_URL: variable(httpUrl, {
    description: 'the URL of all AWS services; AWS_ENDPOINT_URL_SQS wins if both are set',
  }),
  SQS_UNWRAP_SNS: variable(flag, {
    fallback: 'false',
    description: 'pass `process` the message of an SNS notification instead of its envelope',
  }),
} as const;

const fifoSuffix = '.fifo';

/** SQS developer guide, "Quotas": 80 characters, `.fifo` included. */
const longestName = 80;

/** Whether a name is that of a FIFO queue. */
export function isFifoName(queueName: string): boolean {
  return queueName.endsWith(fifoSuffix);
}

/** A queue's own name, and where it is if the name says so. */
export interface QueuePlace {
  readonly name: string;
  /** The account that owns the queue; undefined for our own. */
  readonly account: string | undefined;
  /** Undefined if the name does not say. */
  readonly region: string | undefined;
}

/**
 * Takes the full form of a name apart: an ARN (`arn:aws:sqs:eu-central-1:123456789012:orders`) or a URL
 * (`https://sqs.eu-central-1.amazonaws.com/123456789012/orders`). The endpoint is never taken from a URL.
 */
export function queuePlace(queueName: string): QueuePlace {
  const {
    name = queueName,
    account,
    region,
  } = (arnForm.exec(queueName) ?? urlForm.exec(queueName))?.groups ?? {};
  return { name, account, region };
}

const arnForm = /^arn:aws[\w-]*:sqs:(?<region>[\w-]+):(?<account>\d{12}):(?<name>[^:]+)$/;

const urlForm =
  /^https?:\/\/(?:sqs\.(?<region>[\w-]+)\.amazonaws\.[^/]+|[^/?#]+)\/(?<account>\d{12})\/(?<name>[^/?#]+)$/;

/**
 * The name in the form that SQS accepts: svchost's suffix goes before `.fifo`, so `orders.fifo_dead` becomes
 * `orders_dead.fifo`.
 */
export function wireName(queueName: string): string {
  return queueName.replace(/^(.+)\.fifo(_[\w-]+)$/, `$1$2${fifoSuffix}`);
}

/** The rule that a name breaks, for people; undefined if SQS accepts the name. */
export function nameFault(queueName: string): string | undefined {
  const { name } = queuePlace(queueName);
  const stem = isFifoName(name) ? name.slice(0, -fifoSuffix.length) : name;
  if (name.length <= longestName && /^[A-Za-z0-9_-]+$/.test(stem)) return undefined;
  return (
    `a queue name of at most ${longestName} letters, digits, "_" and "-", with ".fifo" at the end ` +
    "if it is a FIFO queue; or, without a prefix, a queue's ARN or URL"
  );
}

const queueNames: QueueNameRules = {
  deadLetter: (queueName) => wireName(`${queueName}_dead`),
  fault: nameFault,
  // SQS developer guide, "Dead-letter queues": the dead-letter queue of a FIFO queue must be a FIFO queue.
  pairFault: (queueName, deadLetterQueueName) =>
    isFifoName(queueName) && !isFifoName(deadLetterQueueName)
      ? 'a name with ".fifo" at the end, like that of the queue'
      : undefined,
};

/** Amazon SQS. */
export const sqs: Broker<typeof variables, SqsSettings> = {
  name: 'SQS',
  console: 'the AWS console',
  variables,
  signs: ['AWS_ENDPOINT_URL_SQS'],
  otherNames: {},
  // SQS API, ReceiveMessage: VisibilityTimeout and WaitTimeSeconds. A lease of 0 s would be none.
  consumeVariables: {
    VISIBILITY_TIMEOUT: integer(1, 43_200, 'whole seconds'),
    LISTEN_INTERVAL: integer(0, 20, 'whole seconds'),
  },
  sharesSchedules: false,
  queueNames,
  read: ({ values, foreign }) => {
    const proxy = readProxy(foreign);
    const accessKeyId = values.AWS_ACCESS_KEY_ID;
    const regionVariable = values.AWS_REGION === undefined ? 'AWS_DEFAULT_REGION' : 'AWS_REGION';
    const region = values[regionVariable];
    const secretAccessKey = values.AWS_SECRET_ACCESS_KEY ?? values.AWS_ACCESS_KEY_SECRET;
    return {
      settings: {
        type: 'SqsConnection',
        region: region?.trim() ?? '',
        credentials: readCredentials(accessKeyId, secretAccessKey, values.AWS_SESSION_TOKEN),
        endpoint: values.AWS_ENDPOINT_URL_SQS ?? values.AWS_ENDPOINT_URL,
        proxy,
        unwrapSns: values.SQS_UNWRAP_SNS,
      },
      problems: [
        ...regionProblems(regionVariable, region),
        ...keyProblems(accessKeyId, secretAccessKey),
        ...proxyProblems(proxy),
      ],
      warnings: [],
    };
  },
};

/** curl's rules, which AWS's other SDKs share: either case, and HTTP_PROXY for endpoints without TLS. */
const proxyVariables = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy'];

function readProxy(valueOf: (name: string) => string | undefined): Record<string, string> {
  const set = proxyVariables.map((name) => [name, valueOf(name)] as const);
  return Object.fromEntries(set.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The value is not shown: it may have a password. */
function proxyProblems(proxy: Readonly<Record<string, string>>): Problem[] {
  return Object.entries(proxy)
    .filter(([name, value]) => !/^no_proxy$/i.test(name) && !(/^https?:/i.test(value) && URL.canParse(value)))
    .map(([name]) => ({
      name,
      expected: 'the URL of a proxy, such as http://proxy:3128',
      found: 'something else',
    }));
}

function readCredentials(
  accessKeyId: string | undefined,
  secretAccessKey: string | undefined,
  sessionToken: string | undefined,
): SqsCredentials | undefined {
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}

/** No default: nobody reads a message that was sent to the wrong region. */
function regionProblems(variable: string, region: string | undefined): Problem[] {
  if (region !== undefined && /^\s*[a-z]{2,}(-[a-z]+)+-\d+\s*$/.test(region)) return [];
  const expected = 'the region of the queues, such as eu-central-1';
  if (region === undefined) return [{ name: 'AWS_REGION', expected, found: 'nothing' }];
  return [{ name: variable, expected, found: JSON.stringify(region) }];
}

/** Both keys or neither: with half a pair the SDK would find other keys, perhaps of the wrong account, or none. */
function keyProblems(accessKeyId: string | undefined, secretAccessKey: string | undefined): Problem[] {
  if (accessKeyId !== undefined && secretAccessKey === undefined)
    return [missingHalf('AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID')];
  if (accessKeyId === undefined && secretAccessKey !== undefined)
    return [missingHalf('AWS_ACCESS_KEY_ID', 'its secret')];
  return [];
}
