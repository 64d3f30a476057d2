// The settings of SqsConnection, SQS's time limits, and the timing of one consumer's polls and leases. Pure.
import type { SqsSettings } from '../../config/broker/sqs.ts';
import type { ConsumeOptions } from '../adapter.ts';

/** How to reach SQS, and how to receive from it. */
export interface SqsOptions extends Omit<SqsSettings, 'type' | 'unwrapSns' | 'proxy'> {
  /** See SqsSettings. Default: none. */
  readonly proxy?: SqsSettings['proxy'] | undefined;
  /** How long a message is leased at a time, in seconds, 1 to 43,200. Default: the queue's own. */
  readonly visibilityTimeoutS?: number | undefined;
  /** How long a poll waits for messages, in seconds, 0 to 20. Default: 20. */
  readonly listenIntervalS?: number | undefined;
  /** Whether to deliver the message inside an SNS notification instead of the whole notification. Default: false. */
  readonly unwrapSns?: boolean | undefined;
}

/** How polls and leases are timed. */
export interface SqsTiming {
  /** How long a message is leased at a time. */
  readonly visibilityTimeoutS: number;
  /** How long a poll waits for messages. */
  readonly listenIntervalS: number;
}

/** The sources of one consumer's timing: tuning overrides options, and both override the queue's own timeout. */
export interface TimingSources {
  readonly tuning: ConsumeOptions['tuning'];
  readonly options: SqsOptions;
  /** The queue's own visibility timeout. */
  readonly queueTimeoutS: number;
  /** Called with the new timing when it has changed. */
  readonly onChange: (timing: SqsTiming) => void;
}

/** How long refusals of one kind of call are tolerated, in milliseconds. */
export const patienceMs = 60_000;

/** SQS leaves a message with one receiver for 12 hours at most (SQS developer guide, "Visibility timeout"). */
export const longestLeaseMs = 43_200_000;

/** The longest that a poll may wait, in seconds (SQS API, ReceiveMessage, WaitTimeSeconds). */
const longestPollS = 20;

/** Returns a function that reads the current timing of one consumer: an operator may change it at any time. */
export function timingOf({ tuning, options, queueTimeoutS, onChange }: TimingSources): () => SqsTiming {
  let last: SqsTiming | undefined;
  return () => {
    const { VISIBILITY_TIMEOUT, LISTEN_INTERVAL } = tuning?.() ?? {};
    const visibilityTimeoutS = VISIBILITY_TIMEOUT ?? options.visibilityTimeoutS ?? queueTimeoutS;
    const listenIntervalS = LISTEN_INTERVAL ?? options.listenIntervalS ?? longestPollS;
    if (visibilityTimeoutS === last?.visibilityTimeoutS && listenIntervalS === last.listenIntervalS)
      return last;
    const timing = { visibilityTimeoutS, listenIntervalS };
    if (last) onChange(timing);
    last = timing;
    return timing;
  };
}

/** The address for display, without secrets. */
export function describeAddress({ endpoint, region }: SqsOptions): string {
  return endpoint === undefined ? `sqs in ${region}` : `${withoutUser(endpoint)} (${region})`;
}

function withoutUser(endpoint: string): string {
  return endpoint.replace(/:\/\/.*@/s, '://');
}
