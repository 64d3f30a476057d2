// Explains errors of SQS: refusals, missing queues, and temporary failures. Pure.
import { BrokerRefusedError, toError } from '../../errors.ts';

/** The call that failed. */
export interface Place {
  /** The IAM action, without `sqs:`. */
  readonly action: string;
  /** Undefined for a call that is not about one queue. */
  readonly queueName: string | undefined;
  readonly region: string;
}

/** Its names with SQS's older protocol and with the JSON protocol. */
const missingQueue = /^(AWS\.SimpleQueueService\.NonExistentQueue|QueueDoesNotExist(Exception)?)$/;

const expired = /^(ExpiredToken(Exception)?|RequestExpired|TokenRefreshRequired)$/;

const badCredentials =
  /^(InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSignatureException|IncompleteSignature(Exception)?|MissingAuthenticationToken(Exception)?|AuthFailure|OptInRequired|InvalidSecurity)$/;

const noCredentials = /^(CredentialsProviderError|TokenProviderError)$/;

/** The queue is encrypted with a key that cannot be used as it is (SQS API, SendMessage, Errors). */
const unusableKey = /^(KMS\.|Kms)(Disabled|InvalidKeyUsage|InvalidState|NotFound|OptInRequired)/;

const denied = /AccessDenied|UnauthorizedOperation|^NotAuthorized/;

const throttled = /Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|OverLimit/;

/** Of a call whose content is refused: a batch is refused as a whole. */
const refusedContent =
  /^(AWS\.SimpleQueueService\.)?(BatchRequestTooLong|InvalidMessageContents|InvalidParameterValue|InvalidAttributeValue|MessageTooLong|UnsupportedOperation)$/;

const unknownHost = /^(ENOTFOUND|EAI_AGAIN)$/;

/**
 * The error of a failed call, with the remedy.
 *
 * @param cause the error that the SDK threw
 * @returns a BrokerRefusedError for credentials and rights; otherwise an Error with the name of its cause
 */
export function failureOf(cause: unknown, place: Place): Error {
  const refusal = refusalText(cause, place);
  if (refusal !== undefined) return new BrokerRefusedError(refusal, { cause });
  const error = new Error(failureText(cause, place), { cause });
  error.name = toError(cause).name;
  return error;
}

/** Whether a call failed because there is no such queue. */
export function isMissingQueue(error: unknown): boolean {
  return missingQueue.test(originOf(error).name);
}

/** Whether SQS refused the content of a call, and would refuse it again. */
export function isRefusedContent(error: unknown): boolean {
  return refusedContent.test(originOf(error).name);
}

/** Whether a right is missing, while the credentials are valid. */
export function isAccessDenied(error: unknown): boolean {
  return /AccessDenied/.test(originOf(error).name);
}

/** Whether SQS refused the call because our clock is minutes off; the SDK now uses SQS's time, so a retry may pass. */
export function isClockCorrected(error: unknown): boolean {
  return metadataOf(originOf(error)).clockSkewCorrected === true;
}

/** The failure as the SDK threw it. */
function originOf(error: unknown): Error {
  const { cause } = toError(error);
  return cause instanceof Error ? cause : toError(error);
}

function refusalText(cause: unknown, { action, queueName, region }: Place): string | undefined {
  const { name, message } = toError(cause);
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
    const missing = deniedAction(message, action, name);
    return `SQS in ${region} denied sqs:${action} on ${queue}: allow the IAM action ${missing} (${message})`;
  }
  if (unusableKey.test(name)) {
    const queue = queueName === undefined ? 'a queue' : `queue "${queueName}"`;
    return `SQS in ${region} cannot use the KMS key of ${queue} (${name}): enable it, or set another (${message})`;
  }
  return undefined;
}

/**
 * The action that is missing. AWS's own sentence tells it, and knows better: an encrypted queue needs actions of KMS, too.
 * It writes actions of SQS in lower case.
 */
function deniedAction(message: string, action: string, name: string): string {
  const told = /not authorized to perform:? ([a-z0-9-]+:\w+)/i.exec(message)?.[1];
  if (told !== undefined && told.toLowerCase() !== `sqs:${action}`.toLowerCase()) return told;
  if (told === undefined && /^kms/i.test(name)) {
    return action === 'SendMessage' ? 'kms:GenerateDataKey and kms:Decrypt' : 'kms:Decrypt';
  }
  return `sqs:${action}`;
}

function failureText(cause: unknown, { action, queueName, region }: Place): string {
  const { name, message } = toError(cause);
  const queue = queueName === undefined ? '' : ` on queue "${queueName}"`;
  if (missingQueue.test(name)) {
    return `no queue "${queueName ?? ''}" in ${region}: it was deleted, or AWS_REGION is wrong`;
  }
  if (throttled.test(name)) {
    return `SQS throttles sqs:${action}${queue}; svchost slows down by itself (${message})`;
  }
  if (unknownHost.test(String(systemCodeOf(cause)))) {
    return `${message}: no such host, or no name server; check AWS_REGION "${region}" and AWS_ENDPOINT_URL_SQS`;
  }
  return `sqs:${action}${queue}: ${message === '' ? name : message}`;
}

/** The SDK's own notes about a call. */
function metadataOf(error: unknown): { httpStatusCode?: number; clockSkewCorrected?: boolean } {
  if (!(error instanceof Error) || !('$metadata' in error)) return {};
  return error.$metadata as object;
}

function systemCodeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
