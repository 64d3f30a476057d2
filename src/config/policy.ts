// What each processor of a service may have for itself: how its messages are processed, retried and given up on.
import type { Problem } from '../errors.ts';
import { isSet, type Environment } from './environment.ts';
import { readSettings, type Settings, type Surroundings } from './settings.ts';

/** The policy of one processor. */
export type Policy = Pick<
  Settings,
  'concurrency' | 'retry' | 'crashMaxDeliveries' | 'processTimeoutMs' | 'deadLetterQueueName'
>;

/** The variables that `<Processor>_<variable>` replaces for one processor. */
export const policyVariables = [
  'CONCURRENCY',
  'DEAD_LETTER_QUEUE_NAME',
  'RETRY_MAX_ATTEMPTS',
  'RETRY_INITIAL_DELAY',
  'RETRY_FACTOR',
  'RETRY_MAX_DELAY',
  'CRASH_MAX_DELIVERIES',
  'PROCESS_TIMEOUT',
] as const;

/** The processor whose policy is read. */
export interface PolicyOwner {
  readonly name: string;
  /** Its own default for CONCURRENCY; undefined for 1. */
  readonly concurrency: number | undefined;
}

/**
 * Reads the policy of a processor: its own variables, then those of the service, then the defaults. A problem is one of its own
 * variables; those of the service are reported with the settings.
 */
export function readPolicy(
  { name: owner, concurrency: fallback = 1 }: PolicyOwner,
  env: Environment,
  surroundings: Surroundings,
): { readonly policy: Policy; readonly problems: readonly Problem[] } {
  const own = policyVariables.filter((name) => isSet(env, `${owner}_${name}`));
  const values = { ...env };
  for (const name of own) values[name] = env[`${owner}_${name}`];
  const { settings, problems } = readSettings(values, surroundings);
  const { retry, crashMaxDeliveries, processTimeoutMs, deadLetterQueueName } = settings;
  const isGiven = isSet(values, 'CONCURRENCY') || isSet(values, 'RABBITMQ_NUM_THREADS');
  return {
    policy: {
      concurrency: isGiven ? settings.concurrency : fallback,
      retry,
      crashMaxDeliveries,
      processTimeoutMs,
      deadLetterQueueName,
    },
    problems: problems.flatMap((problem) => {
      const name = own.find((each) => each === problem.name);
      return name === undefined ? [] : [{ ...problem, name: `${owner}_${name}` }];
    }),
  };
}
