// `check` tells what `run` would do: each variable missing, and each one wrong, on each broker and kind of service.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { check, describeReport } from '../../src/commands/check.ts';
import { variables } from '../../src/config/variables.ts';
import type { Problem } from '../../src/errors.ts';
import { createService } from './service.ts';

type Env = Readonly<Record<string, string>>;

const schedule = { EXECUTION_TYPE: 'CRON', CRON_TIME_AMOUNT: '1', CRON_TIME_UNIT: 'days' };
const queue = { MailServiceProcessor_QUEUE_NAME: 'mail' };

/** Kinds of services, each with all that it requires. */
const services: Readonly<Record<string, Env>> = {
  'messages of RabbitMQ': { MESSAGING_TYPE: 'RabbitMqConnection', ...queue },
  'messages of SQS': { MESSAGING_TYPE: 'SqsConnection', AWS_REGION: 'eu-central-1', ...queue },
  'messages of NATS': { MESSAGING_TYPE: 'NatsConnection', ...queue },
  'messages of the embedded queue': { MESSAGING_TYPE: 'SqliteConnection', ...queue },
  'a schedule': schedule,
  'a schedule with a TZ that is no zone': { ...schedule, TZ: 'GMT-1' },
  'a schedule that sends to SQS': {
    ...schedule,
    MESSAGING_TYPE: 'SqsConnection',
    AWS_REGION: 'eu-central-1',
  },
  'a schedule shared over RabbitMQ': {
    ...schedule,
    CRON_REPLICAS: 'once',
    MESSAGING_TYPE: 'RabbitMqConnection',
  },
  'a schedule shared over SQS, which cannot': {
    ...schedule,
    CRON_REPLICAS: 'once',
    MESSAGING_TYPE: 'SqsConnection',
  },
};

/** Wrong for most variables; the first for all. */
const wrongValues = ['line\nend', '-1', 'nope'];

const before = { ...process.env };

afterEach(() => {
  for (const name of Object.keys(process.env)) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, before);
});

/** The environments to try: the required one without each variable, and with each variable wrong. */
function casesOf(required: Env): Env[] {
  const without = Object.keys(required).map((name) =>
    Object.fromEntries(Object.entries(required).filter(([each]) => each !== name)),
  );
  const names = [...Object.keys(variables), ...Object.keys(queue)];
  const wrong = names.flatMap((name) => wrongValues.map((value) => ({ ...required, [name]: value })));
  return [...without, ...wrong];
}

function namesOf(problems: readonly Problem[]): string[] {
  return problems.map(({ name }) => name);
}

/** What `check` says in an environment. */
async function checkIn(directory: string, env: Env, connect: boolean) {
  for (const name of Object.keys(process.env)) if (name !== 'PATH') Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, env);
  const { report, words, code } = await check(directory, connect);
  return { code, names: namesOf(report.problems), text: describeReport(report, words) };
}

interface Ran {
  readonly code: number;
  readonly names: string[];
}

/** What `run` does in each environment, all of which it refuses. */
function runIn(directory: string, environments: readonly Env[]): Ran[] {
  const script = fileURLToPath(new URL('prediction.ts', import.meta.url));
  const output = execFileSync(process.execPath, [script, JSON.stringify({ directory, environments })], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: 60_000,
  });
  const ran: Ran[] = [];
  let names: string[] = [];
  for (const line of output.split('\n').filter((each) => each.startsWith('{'))) {
    const { problem, code } = JSON.parse(line) as { problem?: Problem; code?: number | string };
    if (problem) names.push(problem.name);
    // An error of the processor alone is one line without a problem.
    else if (code === 'PROCESSOR') names.push('processor');
    if (typeof code === 'number') {
      ran.push({ code, names });
      names = [];
    }
  }
  return ran;
}

describe.for(Object.entries(services))('for %s, check tells what run would do', ([, required]) => {
  it('with each variable missing, and each one wrong', async () => {
    const directory = createService({ '.env': '' });
    const refused: { env: Env; code: number; names: readonly string[] }[] = [];
    for (const env of casesOf(required)) {
      const { code, names, text } = await checkIn(directory, env, false);
      if (code === 0) continue;
      expect(await checkIn(directory, env, true)).toMatchObject({ code, names });
      for (const name of names) expect(text).toContain(`problem: ${name}`);
      refused.push({ env, code, names });
    }
    const ran = runIn(
      directory,
      // Where the log goes wrong is not the question here, and `silent` says nothing.
      refused.map(({ env }) => ({ ...env, LOG_FORMAT: env['LOG_FORMAT'] ?? 'json' })),
    );
    expect(ran).toEqual(refused.map(({ code, names }) => ({ code, names })));
    // A control character is wrong for every variable that this service uses.
    const withControl = refused.filter(({ env }) => Object.values(env).some((value) => value.includes('\n')));
    expect(withControl.length).toBeGreaterThanOrEqual(Object.keys(variables).length);
  });
});
