// Recognizes permanent refusals, and explains them. Pure.
import { errors, type NatsConnection } from '@nats-io/transport-node';
import { JetStreamApiError } from '@nats-io/jetstream';
import { BrokerRefusedError, toError } from '../../errors.ts';

/** Error codes of JetStream (nats-server, server/errors.json). */
const apiCode = {
  consumerNotFound: 10014,
  streamNameInUse: 10058,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  tooFewServers: 10074,
  notEnabledForAccount: 10039,
  secondConsumer: 10099,
  consumerExists: 10148,
} as const;

/** The error and its causes. */
function chain(error: unknown): unknown[] {
  const links = [error];
  // Bounded: a cause can be its own.
  while (links.length < 10) {
    const last = links.at(-1);
    if (!(last instanceof Error) || last.cause === undefined) break;
    links.push(last.cause);
  }
  return links;
}

function apiErrorIn(error: unknown): JetStreamApiError | undefined {
  return chain(error).find((each) => each instanceof JetStreamApiError);
}

function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  const code = apiErrorIn(error)?.code;
  return code !== undefined && codes.includes(code);
}

/** Whether there is no such stream. */
export function isMissingStream(error: unknown): boolean {
  return hasCode(error, apiCode.streamNotFound);
}

/** Whether there is no such consumer, or no stream for one. */
export function isMissingConsumer(error: unknown): boolean {
  return hasCode(error, apiCode.consumerNotFound, apiCode.streamNotFound);
}

/** Whether another message is the last of its subject. */
export function isWrongSequence(error: unknown): boolean {
  return hasCode(error, apiCode.wrongLastSequence);
}

/** Whether nobody listens to the subject: no stream, no consumer, or none whose leader is known. */
export function isUnanswered(error: unknown): boolean {
  return chain(error).some((each) => each instanceof errors.NoRespondersError);
}

/** Whether the message is too large for the server. */
export function isTooLarge(error: unknown): boolean {
  return chain(error).some((each) => each instanceof errors.InvalidArgumentError);
}

/**
 * Whether the stream refused one message: it is full, or the message is larger than it takes. A stream that was not found
 * refuses nothing.
 */
export function isRefusedByStream(error: unknown): boolean {
  return apiErrorIn(error) !== undefined && !isMissingStream(error);
}

/** The right that the user lacks; undefined if the failure is another. */
export function missingRight(error: unknown): string | undefined {
  const violation = chain(error).find((each) => each instanceof errors.PermissionViolationError);
  if (!violation) return undefined;
  const verb = violation.operation === 'publish' ? 'publish to' : 'subscribe to';
  return `the right to ${verb} "${violation.subject}"`;
}

/** The refusal behind a failed attempt to connect; undefined if the next attempt may succeed. */
export function connectionRefusal(cause: unknown, address: string): BrokerRefusedError | undefined {
  if (!chain(cause).some((each) => each instanceof errors.AuthorizationError)) return undefined;
  return new BrokerRefusedError(
    `NATS refused the credentials for ${address}; check NATS_USER and NATS_PASSWORD, NATS_TOKEN or NATS_CREDS`,
    { cause },
  );
}

/** As {@link connectionRefusal}, for a server that has accepted the connection, but has no JetStream for this account. */
export function jetStreamRefusal(
  cause: unknown,
  { info }: NatsConnection,
  address: string,
): BrokerRefusedError | undefined {
  const isOff = isUnanswered(cause) && info?.jetstream !== true;
  if (!isOff && !hasCode(cause, apiCode.notEnabledForAccount)) return undefined;
  return new BrokerRefusedError(
    `NATS at ${address} has no JetStream, which queues are kept in; start nats-server with -js, or enable it for the account`,
    { cause },
  );
}

/** For a stream whose retention allows one consumer, which is not svchost's. */
export const secondConsumerHint = 'its stream has another consumer: delete that, or use another queue';

/** The refusal behind a failed operation on a queue; undefined if the next attempt may succeed. */
export function queueRefusal(
  cause: unknown,
  queueName: string,
  address: string,
): BrokerRefusedError | undefined {
  if (cause instanceof BrokerRefusedError) return cause;
  const right = missingRight(cause);
  if (right !== undefined) {
    return new BrokerRefusedError(
      `NATS refused access to queue "${queueName}" at ${address}: the user lacks ${right}, one of those in ` +
        `docs/nats.md (${toError(cause).message})`,
      { cause },
    );
  }
  const api = apiErrorIn(cause);
  if (api === undefined || (api.status !== 400 && api.code !== apiCode.tooFewServers)) return undefined;
  // Another host has just created it.
  if (hasCode(cause, apiCode.streamNameInUse, apiCode.consumerExists)) return undefined;
  const hint = hasCode(cause, apiCode.secondConsumer) ? `; ${secondConsumerHint}` : '';
  return new BrokerRefusedError(`NATS refused queue "${queueName}" at ${address}: ${api.message}${hint}`, {
    cause,
  });
}

/** Whether the connection was lost during a request. */
export function isDisconnect(error: unknown): boolean {
  return chain(error).some(
    (each) =>
      each instanceof errors.ClosedConnectionError ||
      (each instanceof Error && /^connection (closed|disconnected)/.test(each.message)),
  );
}
