// What SqsConnection is told: region, credentials, endpoint, timeouts. Owns no call.

/** Keys of an AWS user or session. */
export interface SqsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SqsOptions {
  /** Such as `eu-central-1`; there is no default. */
  readonly region: string;
  /** Undefined for the SDK's own chain: roles, profiles, single sign-on. */
  readonly credentials: SqsCredentials | undefined;
  /** Where SQS is, as a URL; undefined for the region's own. A queue URL's host never stands in for it. */
  readonly endpoint: string | undefined;
  /** How long a message is leased at a time, in seconds, 1 to 43,200. Default: the queue's own. */
  readonly visibilityTimeoutS?: number | undefined;
  /** How long a poll waits for messages, in seconds, 0 to 20. Default: 20. */
  readonly listenIntervalS?: number | undefined;
  /** Hand out the message of an SNS notification in place of its envelope. Default: false. */
  readonly unwrapSns?: boolean | undefined;
}

/** The longest that a poll may wait (SQS API, ReceiveMessage, WaitTimeSeconds), in seconds. */
export const longestPollS = 20;

/** The longest that SQS leaves a message with one receiver in all (SQS developer guide, "Visibility timeout"). */
export const longestLeaseMs = 43_200_000;

/** The address for people, without secrets. */
export function describeAddress({ endpoint, region }: SqsOptions): string {
  return endpoint === undefined ? `sqs in ${region}` : `${withoutUser(endpoint)} (${region})`;
}

function withoutUser(endpoint: string): string {
  return endpoint.replace(/:\/\/.*@/s, '://');
}
