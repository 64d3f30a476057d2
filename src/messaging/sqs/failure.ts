// Tells the failures of SQS apart: a queue that is missing, a refusal, what can pass. Pure.
import { BrokerRefusedError, toError } from '../../errors.ts';

/** Where a call failed. */
export interface Place {
  /** The IAM action, without `sqs:`. */
  readonly action: string;
  readonly queueName: string | undefined;
  readonly region: string;
}

/** As SQS has named it, before and after its JSON protocol. */
const missingQueue = /^(AWS\.SimpleQueueService\.NonExistentQueue|QueueDoesNotExist(Exception)?)$/;

const expired = /^(ExpiredToken(Exception)?|RequestExpired|TokenRefreshRequired)$/;

const badCredentials =
  /^(InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSignatureException|IncompleteSignature(Exception)?|MissingAuthenticationToken(Exception)?|AuthFailure|OptInRequired|InvalidSecurity)$/;

const noCredentials = /^(CredentialsProviderError|TokenProviderError)$/;

const denied = /AccessDenied|UnauthorizedOperation|^NotAuthorized/;

const throttled = /Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|OverLimit/;

const unknownHost = /^(ENOTFOUND|EAI_AGAIN)$/;

/** The name of an error of SQS or its SDK. */
export function failureName(error: unknown): string {
  return toError(error).name;
}

export function isMissingQueue(error: unknown): boolean {
  return missingQueue.test(failureName(error));
}

/** Our clock is minutes off, and the SDK goes by that of SQS from now on: the same call may pass. */
export function isClockCorrected(error: unknown): boolean {
  return metadataOf(error).clockSkewCorrected === true;
}

/** What a failure means where it is no accident of the network: credentials, rights. Undefined where it can pass. */
export function refusalOf(cause: unknown, place: Place): BrokerRefusedError | undefined {
  const what = refusalText(cause, place);
  return what === undefined ? undefined : new BrokerRefusedError(what, { cause });
}

function refusalText(cause: unknown, { action, queueName, region }: Place): string | undefined {
  const name = failureName(cause);
  const { message } = toError(cause);
  if (expired.test(name)) {
    return `SQS in ${region} refused expired credentials: renew them, or the clock is wrong (${message})`;
  }
  if (badCredentials.test(name)) {
    return (
      `SQS in ${region} refused the credentials (${name}): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and ` +
      `AWS_REGION (${message})`
    );
  }
  if (noCredentials.test(name)) {
    return (
      'no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role or the user a ' +
      `profile (${message})`
    );
  }
  if (denied.test(name) || metadataOf(cause).httpStatusCode === 403) {
    const queue = queueName === undefined ? 'queues' : `queue "${queueName}"`;
    return `SQS in ${region} denied sqs:${action} on ${queue}: allow the IAM action sqs:${action} (${message})`;
  }
  return undefined;
}

/** A failure in words, with what to do where we know. */
export function describeFailure(error: unknown, place: Place): string {
  const refusal = refusalOf(error, place);
  if (refusal) return refusal.message;
  const name = failureName(error);
  const { message } = toError(error);
  const queue = place.queueName === undefined ? '' : ` on queue "${place.queueName}"`;
  if (isMissingQueue(error)) {
    return `no queue "${place.queueName ?? ''}" in ${place.region}: it was deleted, or AWS_REGION is another's`;
  }
  if (throttled.test(name))
    return `SQS throttles sqs:${place.action}${queue}: it slows down by itself (${message})`;
  if (unknownHost.test(String(systemCodeOf(error)))) {
    return `${message}: no such host, or no name server; check AWS_REGION "${place.region}" and AWS_ENDPOINT_URL_SQS`;
  }
  return `sqs:${place.action}${queue}: ${message === '' ? name : message}`;
}

/** What the SDK notes about a call. */
function metadataOf(error: unknown): { httpStatusCode?: number; clockSkewCorrected?: boolean } {
  if (!(error instanceof Error) || !('$metadata' in error)) return {};
  return error.$metadata as object;
}

function systemCodeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
