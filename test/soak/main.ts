// `npm run soak -- --minutes 10 --seed 1`: the long form of the soaks, with a report. See CONTRIBUTING.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startControlledBroker } from './controlled-broker.ts';
import { soak, type SoakOptions } from './soak.ts';
import { soakSchedule } from './schedule.ts';
import { rabbitMqWorld } from './world/rabbitmq.ts';
import { sqliteWorld } from './world/sqlite.ts';
import { sqsWorld } from './world/sqs.ts';

const usage = `usage: npm run soak -- [options]
  --world <names>              some of sqlite, sqs, rabbitmq-classic, rabbitmq-quorum, schedule, schedule-rabbitmq,
                               separated by commas (default: all of them)
  --minutes <number>           how long faults happen in each (default: 10)
  --seed <number>              determines messages and faults (default: 1)
  --rate <number>              messages per second (default: 10)
  --results <directory>        write a JSON file per world there
  --rabbitmq-control <program> use the RabbitMQ that this program starts and ends, called with start, stop, kill,
                               pause, resume or ctl (default: a node of the installed RabbitMQ)
  --rabbitmq-url <url>         the address of that RabbitMQ`;

const { values } = parseArgs({
  options: {
    world: {
      type: 'string',
      default: 'sqlite,sqs,rabbitmq-classic,rabbitmq-quorum,schedule,schedule-rabbitmq',
    },
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '10' },
    results: { type: 'string' },
    'rabbitmq-control': { type: 'string' },
    'rabbitmq-url': { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const { 'rabbitmq-control': control, 'rabbitmq-url': url } = values;
const startBroker =
  control !== undefined && url !== undefined ? () => startControlledBroker(control, url) : undefined;

const runs = {
  sqlite: (options: Common) => soak({ startWorld: sqliteWorld, ...options }),
  sqs: (options: Common) => soak({ startWorld: sqsWorld, ...options }),
  'rabbitmq-classic': (options: Common) =>
    soak({ startWorld: () => rabbitMqWorld('classic', startBroker), ...options }),
  'rabbitmq-quorum': (options: Common) =>
    soak({ startWorld: () => rabbitMqWorld('quorum', startBroker), ...options }),
  schedule: (options: Common) => soakSchedule({ startWorld: sqliteWorld, ...options }),
  'schedule-rabbitmq': (options: Common) =>
    soakSchedule({ startWorld: () => rabbitMqWorld('classic', startBroker), ...options }),
};
type Common = Omit<SoakOptions, 'startWorld'>;

function isWorld(name: string): name is keyof typeof runs {
  return Object.hasOwn(runs, name);
}

const names = values.world.split(',');
const numbers = [values.minutes, values.seed, values.rate].map(Number);
const [minutes = NaN, seed = NaN, rate = NaN] = numbers;
if (values.help || !names.every(isWorld) || !numbers.every((number) => number > 0)) {
  console.error(usage);
  process.exit(values.help ? 0 : 64);
}

let isClean = true;
for (const name of names) {
  console.log(`\n== ${name}, seed ${seed}, ${minutes} min`);
  const result = await runs[name]({ seed, rate, durationMs: minutes * 60_000, report: console.log });
  console.log(JSON.stringify(result, undefined, 2));
  console.log(result.clean ? `== ${name}: clean` : `== ${name}: NOT CLEAN`);
  isClean &&= result.clean;
  if (values.results === undefined) continue;
  mkdirSync(values.results, { recursive: true });
  const version = /\d+/.exec(/RabbitMQ \d+/.exec(result.description)?.[0] ?? '')?.[0];
  const file = `soak-${name}${version === undefined ? '' : `-${version}`}-seed-${seed}.json`;
  writeFileSync(join(values.results, file), `${JSON.stringify(result, undefined, 2)}\n`);
}
process.exitCode = isClean ? 0 : 1;
