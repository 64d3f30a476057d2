// The queue's name: prefix + `<Class>_QUEUE_NAME`, as the Python host builds it. Pure.
import type { Problem } from '../errors.ts';
import type { Environment } from './environment.ts';
import { displayValue, type Settings } from './settings.ts';
import { isFifoName, nameFault, wireName } from './sqs-queue-name.ts';
import { suggest } from '../suggestion.ts';

/** AMQP 0-9-1 has one byte for the length of a name. */
const longestNameBytes = 255;

/** Room for the longest suffix that svchost puts behind a name (`_retry_4294967000`). */
const longestSuffixBytes = 17;

/** `_2026-03-29T03:00:00.000Z`, and the two further digits of years past 9999 with their sign. */
const longestInstantBytes = 28;

export interface QueueNames {
  readonly queueName: string;
  readonly deadLetterQueueName: string;
}

/** The variable that names the queue of a processor class. */
export function queueVariable(className: string): string {
  return `${className}_QUEUE_NAME`;
}

/**
 * What the replicas of a service call its schedule at the broker: prefix + `<service>_schedule`. Cut where it is too long for
 * the instant that stands behind it in the name of a queue.
 */
export function scheduleName(prefix: string, service: string): string {
  const suffix = '_schedule';
  const room = longestNameBytes - longestInstantBytes - suffix.length;
  return `${new TextDecoder().decode(Buffer.from(prefix + service).subarray(0, room))}${suffix}`;
}

/** The names of a processor's queues, or what is wrong with them. */
export function readQueueNames(
  className: string,
  settings: Pick<Settings, 'queueNamePrefix' | 'deadLetterQueueName' | 'messaging'>,
  env: Environment,
): QueueNames | Problem {
  const variable = queueVariable(className);
  const name = env[variable];
  if (name === undefined || name.trim() === '') return { name: variable, ...missing(variable, env) };
  const queueName = `${settings.queueNamePrefix}${name}`;
  if (Buffer.byteLength(queueName) > longestNameBytes - longestSuffixBytes) {
    return {
      name: variable,
      expected: `a queue name of at most ${longestNameBytes - longestSuffixBytes} bytes, prefix included`,
      found: displayValue(variable, queueName),
    };
  }
  const isSqs = settings.messaging.type === 'SqsConnection';
  const deadLetterQueueName = settings.deadLetterQueueName ?? deadLetterDefault(queueName, isSqs);
  if (deadLetterQueueName === queueName) {
    return {
      name: 'DEAD_LETTER_QUEUE_NAME',
      expected: 'another queue than the service’s own',
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
  const fault = isSqs ? sqsProblem(variable, queueName, deadLetterQueueName) : undefined;
  return fault ?? { queueName, deadLetterQueueName };
}

function deadLetterDefault(queueName: string, isSqs: boolean): string {
  return isSqs ? wireName(`${queueName}_dead`) : `${queueName}_dead`;
}

/** What SQS would refuse, before it is asked. */
function sqsProblem(variable: string, queueName: string, deadLetterQueueName: string): Problem | undefined {
  const fault = nameFault(queueName);
  if (fault !== undefined) {
    return {
      name: variable,
      expected: `${fault}, prefix included`,
      found: displayValue(variable, queueName),
    };
  }
  const name = 'DEAD_LETTER_QUEUE_NAME';
  const found = displayValue(name, deadLetterQueueName);
  const deadFault = nameFault(deadLetterQueueName);
  if (deadFault !== undefined) return { name, expected: deadFault, found };
  if (isFifoName(queueName) && !isFifoName(deadLetterQueueName)) {
    return { name, expected: 'a name with ".fifo" at the end, as the queue has', found };
  }
  return undefined;
}

function missing(variable: string, env: Environment): Pick<Problem, 'expected' | 'found'> {
  const others = Object.keys(env).filter(
    (name) => /.+_QUEUE_NAME$/.test(name) && name !== 'DEAD_LETTER_QUEUE_NAME' && name !== variable,
  );
  const meant = suggest(variable, others) ?? others.at(0);
  return {
    expected: 'the name of the queue to consume, after the processor class',
    found: meant === undefined ? 'nothing' : `nothing under that name, but ${meant}`,
  };
}
