// The broker that MESSAGING_TYPE chooses, and whether it can be used. Pure.
import { describeProblem, type Problem } from '../errors.ts';
import type { Reading } from './broker/broker.ts';
import { brokers, defaultType, messagingTypes, type MessagingSettings } from './brokers.ts';
import { isSet, type Environment } from './environment.ts';
import type { Values } from './variables.ts';

/** The sources of a broker's settings. */
export interface MessagingSource {
  readonly values: Values;
  readonly env: Environment;
  /** Absolute. */
  readonly serviceDirectory: string;
  /** Whether the service needs a broker to run; if not, it uses one only to send. */
  readonly isRequired: boolean;
}

/** The chosen broker. `problems` are those that keep the service from running. */
export interface MessagingReading extends Reading<MessagingSettings> {
  /** Why the broker cannot be used; empty if it can. */
  readonly unusable: readonly Problem[];
}

/** Reads the chosen broker. Without MESSAGING_TYPE it is the embedded queue, but never in production. */
export function readMessaging(source: MessagingSource): MessagingReading {
  const { values, env, serviceDirectory, isRequired } = source;
  const { settings, ...reading } = brokers[values.MESSAGING_TYPE ?? defaultType].read({
    values,
    isSet: (name) => isSet(env, name),
    foreign: (name) => (isSet(env, name) ? env[name] : undefined),
    serviceDirectory,
  });
  const forgotten = isSet(env, 'MESSAGING_TYPE') ? undefined : describeForgotten(source);
  const unusable = [...reading.problems, ...(forgotten?.problems ?? [])];
  if (isRequired) {
    const warnings = [...reading.warnings, ...(forgotten?.warnings ?? [])];
    return { settings, problems: unusable, unusable, warnings };
  }
  const warnings = forgotten ? [] : [...reading.warnings, ...unusable.map(describeUnusable)];
  return { settings, problems: [], unusable, warnings };
}

/** The problems and warnings of a MESSAGING_TYPE that is not set. */
function describeForgotten({
  env,
  isRequired,
}: MessagingSource): Pick<MessagingReading, 'problems' | 'warnings'> {
  if (!isRequired) return { problems: [missingType('the broker to send to')], warnings: [] };
  // A forgotten variable must not leave a production service listening to an empty file.
  return env['NODE_ENV'] === 'production'
    ? { problems: [missingType('named explicitly with NODE_ENV=production')], warnings: [] }
    : { problems: [], warnings: [describeDefault(env)] };
}

function missingType(why: string): Problem {
  const types = `${messagingTypes.slice(0, -1).join(', ')} or ${messagingTypes.at(-1) ?? ''}`;
  return { name: 'MESSAGING_TYPE', expected: `${types}, ${why}`, found: 'nothing' };
}

function describeDefault(env: Environment): string {
  const signs = Object.values(brokers).flatMap((broker): readonly string[] => broker.signs);
  const forgotten = signs.find((name) => isSet(env, name));
  const although = forgotten === undefined ? '' : `, although ${forgotten} is set`;
  return `MESSAGING_TYPE is not set; using the embedded queue (${defaultType})${although}`;
}

/**
 * Only a warning: a service that never sends runs without it, and one that does learns of it before its first message.
 */
function describeUnusable(problem: Problem): string {
  return `messages cannot be sent: ${describeProblem(problem)}`;
}
