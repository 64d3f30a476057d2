// Every variable that svchost reads, declared once: its parser, its default, its meaning, and whether it is secret. The
// variables of a broker are declared in config/broker/.
import { logLevels } from '../log.ts';
import { brokers, defaultType, messagingTypes, type MessagingType } from './brokers.ts';
import { anyCaseChoice, choice, durationMs, flag, integer, numberFrom, text } from './variable/value.ts';
import { variable, type ValuesOf } from './variable/variable.ts';

type Intersection<Union> = (Union extends unknown ? (each: Union) => void : never) extends (
  all: infer All,
) => void
  ? All
  : never;

/** The variables of all brokers, in the order of the brokers. */
const brokerVariables = Object.assign(
  {},
  ...Object.values(brokers).map(({ variables }) => variables),
) as Intersection<(typeof brokers)[MessagingType]['variables']>;

/** All variables of fixed name, by group; `<Class>_QUEUE_NAME` depends on the processor (see queue-name.ts). */
export const variables = {
  EXECUTION_TYPE: variable(choice('MESSAGING', 'CRON'), {
    fallback: 'MESSAGING',
    description: 'whether messages of a queue or a schedule (`CRON`) drive the processor',
  }),
  PROCESSOR_MODULE: variable(text, {
    fallbackText: 'found automatically',
    description: "the processor's module: a path in the service directory, or a package's name",
  }),
  PROCESSOR_TYPE: variable(text, {
    fallbackText: 'found automatically',
    description: "the processor's name if there are several: one, some separated by commas, or `*` for all",
  }),
  PROCESSOR_LOAD_TIMEOUT: variable(durationMs('positive'), {
    fallback: '60',
    description: 'seconds that loading the module may take',
  }),

  MESSAGING_TYPE: variable(choice(...messagingTypes), {
    fallbackText: `${defaultType}; none with NODE_ENV=production`,
    description: `the broker: ${listChoices(messagingTypes)} (${brokers[defaultType].name})`,
  }),
  QUEUE_NAME_PREFIX: variable(text, {
    fallback: '',
    description: 'put before the queue name; may be empty',
  }),
  DEAD_LETTER_QUEUE_NAME: variable(text, {
    fallbackText: '`<queue>_dead`',
    description: 'the queue for messages that failed for good',
  }),
  CONCURRENCY: variable(integer(1, 65_535), {
    fallbackText: '1',
    description: 'deliveries processed at once; 1 keeps the order of the queue',
  }),
  RABBITMQ_NUM_THREADS: variable(integer(1, 65_535), {
    fallbackText: '1',
    description: "the Python host's name for CONCURRENCY, which wins if both are set",
  }),
  CONSUME_CONFIG_FILE_PATH: variable(text, {
    description: `a dotenv file that is re-read: \`EXIT_WHEN_FINISHED=1\`${listConsumeVariables()}`,
  }),

  ...brokerVariables,

  CRON_TIME_AMOUNT: variable(text, {
    description: 'the number of units between two runs: more than 0, decimals allowed',
  }),
  CRON_TIME_UNIT: variable(text, {
    description: '`seconds`, `minutes`, `hours`, `days` or `weeks`',
  }),
  CRON_RUN_AT: variable(text, {
    description: 'the time of day, as `07:32` or `07:32:00`, if the unit is days',
  }),
  CRON_EXPRESSIONS: variable(text, {
    description: 'cron expressions, separated by `;`, instead of the three above',
  }),
  CRON_TIMEZONE: variable(text, {
    fallbackText: "the machine's",
    description: 'the IANA name of the time zone of all times, such as `Europe/Berlin`',
  }),
  RUN_AT_STARTUP: variable(flag, {
    fallback: 'false',
    description: 'also run once at startup',
  }),
  CRON_REPLICAS: variable(anyCaseChoice('each', 'once'), {
    fallback: 'each',
    description: 'whether `each` replica runs every time, or just one of them (`once`), which needs a broker',
  }),

  RETRY_MAX_ATTEMPTS: variable(integer(1, 1000), {
    fallback: '5',
    description: 'how many times a message is tried before it becomes a dead letter',
  }),
  RETRY_INITIAL_DELAY: variable(durationMs('zero'), {
    fallback: '1',
    description: 'seconds before the second attempt',
  }),
  RETRY_FACTOR: variable(numberFrom(1), {
    fallback: '5',
    description: 'the factor by which each further delay grows',
  }),
  RETRY_MAX_DELAY: variable(durationMs('zero'), {
    fallback: '300',
    description: 'the longest delay, in seconds',
  }),
  CRASH_MAX_DELIVERIES: variable(integer(1, 1000), {
    fallback: '3',
    description:
      'how many times a host may die of one message that it processes alone; then it is a dead letter',
  }),
  PROCESS_TIMEOUT: variable(durationMs('positive'), {
    fallbackText: 'none',
    description: 'seconds that one call of `process` may take',
  }),
  SHUTDOWN_TIMEOUT: variable(durationMs('zero'), {
    fallback: '30',
    description: 'seconds that work in flight may take after SIGTERM, SIGINT or SIGHUP',
  }),

  LOG_LEVEL: variable(anyCaseChoice(...logLevels), {
    fallback: 'info',
    description: 'the minimum level to log: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`',
  }),
  LOG_FORMAT: variable(anyCaseChoice('json', 'pretty'), {
    fallbackText: 'json; pretty on a terminal',
    description: '`json` or `pretty`',
  }),
} as const;

/** The name of a variable that svchost reads. */
export type VariableName = keyof typeof variables;

/** The variables whose values are never shown; each can be given as a file (`<name>_FILE`). */
export const secretNames: readonly string[] = Object.entries(variables)
  .filter(([, { secret }]) => secret)
  .map(([name]) => name);

/** The values of all variables, typed; undefined if unset and without a default. */
export type Values = ValuesOf<typeof variables>;

/** Names that other programs use for the same, if they differ too much to count as misspellings. */
export const otherNames: Readonly<Record<string, string | undefined>> = Object.fromEntries(
  Object.values(brokers).flatMap((broker) => Object.entries(broker.otherNames)),
);

/** `A`, `B` or `C`, as the README writes them. */
function listChoices(choices: readonly string[]): string {
  const quoted = choices.map((choice) => `\`${choice}\``);
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1) ?? ''}`;
}

/** The brokers' own variables of the consume config, as the README writes them. */
function listConsumeVariables(): string {
  return Object.values(brokers)
    .map(({ name, consumeVariables }) => ({ name, own: Object.keys(consumeVariables) }))
    .filter(({ own }) => own.length > 0)
    .map(({ name, own }) => `, on ${name} ${own.map((each) => `\`${each}\``).join(', ')}`)
    .join('');
}
