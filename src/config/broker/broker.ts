// A broker's declaration: its variables, its settings and its rules for queue names, all known before it connects. Each
// broker has a file in this folder; config/brokers.ts lists them.
import type { Problem } from '../../errors.ts';
import type { Parse } from '../variable/value.ts';
import type { ValuesOf, VariableTable } from '../variable/variable.ts';

/** One broker's declaration. */
export interface Broker<Variables extends VariableTable, Settings extends BrokerSettings> {
  /** The broker's name, for people. */
  readonly name: string;
  /** The tool in which its operators look at queues, for people. */
  readonly console: string;
  readonly variables: Variables;
  /** Variables that suggest, if MESSAGING_TYPE is unset, that it was forgotten. */
  readonly signs: readonly (keyof Variables & string)[];
  /** Names that other programs use for its variables, if they differ too much to count as misspellings. */
  readonly otherNames: Readonly<Record<string, keyof Variables & string>>;
  /** Its own variables of the consume config; `ConsumeOptions.tuning` passes them to its adapter. */
  readonly consumeVariables: Readonly<Record<string, Parse<number>>>;
  /** Its adapter is `Claiming`, so that CRON_REPLICAS=once works. */
  readonly sharesSchedules: boolean;
  readonly queueNames: QueueNameRules;
  /** Makes its settings from the variables. Defaults stand in for variables that have a problem. */
  readonly read: (given: Given<Variables>) => Reading<Settings>;
}

/** The settings that all brokers have. */
export interface BrokerSettings {
  /** The value of MESSAGING_TYPE. */
  readonly type: string;
  /** The absolute path of the file that holds the queues, if the broker is a file on this machine. */
  readonly path?: string;
}

/** The sources of a broker's settings. */
export interface Given<Variables extends VariableTable> {
  readonly values: ValuesOf<Variables>;
  /** Whether the environment sets a variable; see environment.ts. */
  readonly isSet: (name: keyof Variables & string) => boolean;
  /** A variable that is not svchost's, such as those of a proxy; undefined if it is not set. */
  readonly foreign: (name: string) => string | undefined;
  /** Absolute. */
  readonly serviceDirectory: string;
}

/** A broker's settings, with their problems and warnings. */
export interface Reading<Settings> {
  readonly settings: Settings;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** A broker's rules for queue names, beyond the limits that all brokers share (see queue-name.ts). */
export interface QueueNameRules {
  /** The name of a queue's dead-letter queue if none is configured. */
  readonly deadLetter: (queueName: string) => string;
  /** The rule that a name breaks, for people; undefined if the broker takes the name. */
  readonly fault: (queueName: string) => string | undefined;
  /** As `fault`, for the two names together. */
  readonly pairFault: (queueName: string, deadLetterQueueName: string) => string | undefined;
}

/** For brokers that take any name. */
export const anyQueueName: QueueNameRules = {
  deadLetter: (queueName) => `${queueName}_dead`,
  fault: () => undefined,
  pairFault: () => undefined,
};

/** The problem of a variable that is useless without another, which is missing. */
export function missingHalf(missing: string, present: string): Problem {
  return { name: missing, expected: `a value, since ${present} is set`, found: 'nothing' };
}
