// svchost's own headers on the wire: written, read and stripped here and nowhere else, for every broker. Pure.
import type { Headers } from './message.ts';

/** Why a message was given up on; the value of the `svchost-reason` header of a dead letter. */
export type DeadReason =
  /** `process` threw at every attempt. */
  | 'failed'
  /** The body is not UTF-8 JSON. */
  | 'undecodable'
  /** The processor's schema refused the message. */
  | 'invalid'
  /** `process` threw a DeadLetterError. */
  | 'rejected'
  /** `process` took longer than PROCESS_TIMEOUT at the last attempt. */
  | 'timeout'
  /** The process ended or crashed each time the message was delivered. */
  | 'crashed';

/** An error's name and message, as a dead letter keeps them. */
export interface Failure {
  readonly name: string;
  readonly message: string;
}

/** Header names on the wire. Brokers own `x-` headers, so these do not begin with it. */
export const header = {
  attempt: 'svchost-attempt',
  firstSeen: 'svchost-first-seen',
  lastSeen: 'svchost-last-seen',
  reason: 'svchost-reason',
  error: 'svchost-error',
  sourceQueue: 'svchost-source-queue',
  attempts: 'svchost-attempts',
  /** An attempt that headers claimed, and that svchost cannot have made. */
  claimedAttempt: 'svchost-claimed-attempt',
  /** True on a copy that could not carry the sender's headers. */
  headersDropped: 'svchost-headers-dropped',
  /** The bytes of headers and properties that could not be decoded. */
  undecodable: 'svchost-undecodable',
} as const;

/** The history of a message so far. */
export interface History {
  /** The current or last attempt; 1 for the first. */
  readonly attempt: number;
  /** When the first attempt began. */
  readonly firstSeen: Date;
  /** A copy made after an earlier attempt could not carry the sender's headers. */
  readonly headersDropped?: true;
  /** An attempt that the headers claim, beyond the last one: somebody else wrote them. It is not believed. */
  readonly claimedAttempt?: number;
}

/** Why and when a message was given up on. */
export interface Verdict {
  readonly queueName: string;
  readonly reason: DeadReason;
  readonly error: Failure;
  /** When it was given up on. */
  readonly at: Date;
}

/**
 * The sender's headers, without the two that only svchost may set: the attempt, and that headers were dropped. Others
 * with svchost's names are passed on but decide nothing, and a dead letter overwrites them.
 */
export function sentHeaders(headers: Headers): Headers {
  // The hot path: hardly any message has one of them.
  if (!unclaimable.some((name) => Object.hasOwn(headers, name))) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !unclaimable.includes(name)));
}

const unclaimable: readonly string[] = [header.attempt, header.headersDropped];

/** The headers that record the attempt of a copy and when the first attempt began; none for attempt 1. */
export function attemptHeaders({ attempt, firstSeen, headersDropped }: History): Headers {
  if (attempt === 1) return {};
  return {
    [header.attempt]: attempt,
    [header.firstSeen]: firstSeen.toISOString(),
    ...(headersDropped && { [header.headersDropped]: true }),
  };
}

/** The headers that say why a message is dead. Not the attempt header: a dead letter starts over in its queue. */
export function deadLetterHeaders(history: History, verdict: Verdict): Headers {
  const { attempt, firstSeen, headersDropped, claimedAttempt } = history;
  const { queueName, reason, error, at } = verdict;
  return {
    [header.reason]: reason,
    [header.error]: `${error.name}: ${error.message}`,
    [header.sourceQueue]: queueName,
    [header.attempts]: attempt,
    [header.firstSeen]: firstSeen.toISOString(),
    [header.lastSeen]: at.toISOString(),
    ...(claimedAttempt !== undefined && { [header.claimedAttempt]: claimedAttempt }),
    ...(headersDropped && { [header.headersDropped]: true }),
  };
}

/**
 * The least that a copy must say, of the headers that would be written: why it is dead, or which attempt it is; and that
 * others were dropped.
 */
export function leastHeaders(own: Headers): Headers {
  const kept = Object.entries(own).filter(([name]) => name === header.reason || name === header.attempt);
  return { ...Object.fromEntries(kept), [header.headersDropped]: true };
}

/**
 * The history in the headers of a copy. Callers must first make sure that svchost made the copy: anyone can write
 * headers. Even so, an attempt beyond the last one is only a claim.
 *
 * @param maxAttempts how many times a message is tried
 */
export function readHistory(headers: Headers, maxAttempts: number): Partial<History> {
  const { [header.attempt]: claim, [header.firstSeen]: seen } = headers;
  const firstSeen = new Date(typeof seen === 'string' ? seen : NaN);
  const attempt = Number.isSafeInteger(claim) && Number(claim) > 0 ? Number(claim) : undefined;
  return {
    ...(attempt !== undefined && (attempt <= maxAttempts ? { attempt } : { claimedAttempt: attempt })),
    ...(!Number.isNaN(firstSeen.getTime()) && { firstSeen }),
    ...(headers[header.headersDropped] === true && { headersDropped: true }),
  };
}
