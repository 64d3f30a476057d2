// The queue's name: prefix + `<Class>_QUEUE_NAME`, as the Python host builds it. Pure.
import type { Problem } from '../errors.ts';
import type { QueueNameRules } from './broker/broker.ts';
import { brokers } from './brokers.ts';
import { isSet, type Environment } from './environment.ts';
import { controlProblem, displayValue, type Settings } from './settings.ts';
import { suggest } from '../suggestion.ts';

/**
 * AMQP 0-9-1 has one byte for the length of a name. Applied to every broker, so that a service can move to any other.
 */
const longestNameBytes = 255;

/** The longest suffix that svchost appends to a name (`_retry_4294967000`). */
const longestSuffixBytes = 17;

/** `_2026-03-29T03:00:00.000Z`, plus the sign and the two extra digits of years past 9999. */
const longestInstantBytes = 28;

/** The names of the queues of a processor. */
export interface QueueNames {
  readonly queueName: string;
  readonly deadLetterQueueName: string;
}

/** The variable that names the queue of a processor class. */
export function queueVariable(className: string): string {
  return `${className}_QUEUE_NAME`;
}

/**
 * The name of a service's schedule at the broker, the same for all replicas: prefix + `<service>_schedule`. Cut if it
 * is too long: a queue's name consists of it and an instant.
 */
export function scheduleName(prefix: string, service: string): string {
  const suffix = '_schedule';
  const room = longestNameBytes - longestInstantBytes - suffix.length;
  return `${new TextDecoder().decode(Buffer.from(prefix + service).subarray(0, room))}${suffix}`;
}

/**
 * The names of a processor's queues, or the problem with them.
 *
 * @param fallback the queue's name without prefix if its variable is not set
 */
export function readQueueNames(
  className: string,
  settings: Pick<Settings, 'queueNamePrefix' | 'deadLetterQueueName' | 'messaging'>,
  env: Environment,
  fallback?: string,
): QueueNames | Problem {
  const variable = queueVariable(className);
  const name = isSet(env, variable) ? env[variable] : (fallback ?? env[variable]);
  if (name === undefined || name.trim() === '') return { name: variable, ...missing(variable, env) };
  const control = controlProblem(variable, name);
  if (control) return control;
  const queueName = `${settings.queueNamePrefix}${name}`;
  if (Buffer.byteLength(queueName) > longestNameBytes - longestSuffixBytes) {
    return {
      name: variable,
      expected: `a queue name of at most ${longestNameBytes - longestSuffixBytes} bytes, prefix included`,
      found: displayValue(variable, queueName),
    };
  }
  const rules = brokers[settings.messaging.type].queueNames;
  const deadLetterQueueName = settings.deadLetterQueueName ?? rules.deadLetter(queueName);
  if (deadLetterQueueName === queueName) {
    return {
      name: 'DEAD_LETTER_QUEUE_NAME',
      expected: "a queue other than the service's own",
      found: JSON.stringify(queueName),
    };
  }
  if (Buffer.byteLength(deadLetterQueueName) > longestNameBytes) {
    return {
      name: 'DEAD_LETTER_QUEUE_NAME',
      expected: `a queue name of at most ${longestNameBytes} bytes`,
      found: displayValue('DEAD_LETTER_QUEUE_NAME', deadLetterQueueName),
    };
  }
  return (
    nameProblem(rules, variable, { queueName, deadLetterQueueName }) ?? { queueName, deadLetterQueueName }
  );
}

/** The problem of a name that the broker would refuse. */
function nameProblem(
  rules: QueueNameRules,
  variable: string,
  { queueName, deadLetterQueueName }: QueueNames,
): Problem | undefined {
  const fault = rules.fault(queueName);
  if (fault !== undefined) {
    const found = displayValue(variable, queueName);
    return { name: variable, expected: `${fault}, prefix included`, found };
  }
  const name = 'DEAD_LETTER_QUEUE_NAME';
  const expected = rules.fault(deadLetterQueueName) ?? rules.pairFault(queueName, deadLetterQueueName);
  return expected === undefined
    ? undefined
    : { name, expected, found: displayValue(name, deadLetterQueueName) };
}

function missing(variable: string, env: Environment): Pick<Problem, 'expected' | 'found'> {
  const others = Object.keys(env).filter(
    (name) => /.+_QUEUE_NAME$/.test(name) && !name.endsWith('DEAD_LETTER_QUEUE_NAME') && name !== variable,
  );
  const meant = suggest(variable, others) ?? others.at(0);
  return {
    expected: 'the name of the queue that the processor consumes',
    found: meant === undefined ? 'nothing' : `nothing, although ${meant} is set`,
  };
}
