// The host of this checkout and that of another one, in turn, on queues that are filled before: messages per second and
// CPU time per message, as ratios. Both checkouts must be built.
// `npm run bench:host -- <other checkout> <RabbitMqConnection|SqliteConnection|SqsConnection|NatsConnection> [<concurrency> [<messages> [<pairs>]]]`
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const [otherCheckout, broker = 'SqliteConnection', concurrency = '100', count = '20000', pairCount = '5'] =
  process.argv.slice(2);
if (otherCheckout === undefined) throw new Error('name the other checkout');
const messages = Number(count);
const pairs = Number(pairCount);
const checkouts = { new: path.resolve(import.meta.dirname, '..'), old: path.resolve(otherCheckout) };

/** The speed and the cost of one host, from the first message to the last. */
interface Run {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

/** Counts the messages of one queue, and ends its host after the last one. */
const processor = `
let seen = 0, startedAt, cpu;
export class BenchServiceProcessor {
  async process() {
    if (seen++ === 0) [startedAt, cpu] = [performance.now(), process.cpuUsage()];
    if (seen !== ${messages}) return;
    const { user, system } = process.cpuUsage(cpu);
    const perSecond = ${messages} / ((performance.now() - startedAt) / 1000);
    console.log('RESULT ' + JSON.stringify({ perSecond, cpuMicros: (user + system) / ${messages} }));
    process.kill(process.pid, 'SIGTERM');
  }
}
`;

const body = JSON.stringify({ text: 'x'.repeat(189) });
const input = Array.from({ length: messages }, () => `${body}\n`).join('');

let sqsServer: ChildProcess | undefined;
const brokerEnv = await environmentOf(broker);

async function environmentOf(name: string): Promise<Record<string, string>> {
  if (name !== 'SqsConnection') return {};
  sqsServer = fork(path.join(import.meta.dirname, 'sqs-server.ts'));
  const [{ endpoint }] = (await once(sqsServer, 'message')) as [{ endpoint: string }];
  return {
    AWS_ENDPOINT_URL_SQS: endpoint,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
  };
}

/** Runs a command of a checkout to its end; returns its output. */
async function svchost(
  checkout: string,
  args: readonly string[],
  { cwd, env, stdin = '' }: { cwd: string; env: NodeJS.ProcessEnv; stdin?: string },
): Promise<string> {
  const child = spawn(process.execPath, [path.join(checkout, 'dist/bin.js'), ...args], { cwd, env });
  let output = '';
  const read = (chunk: Buffer): void => void (output += chunk.toString());
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  child.stdin.end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`svchost ${args.join(' ')} in ${checkout} ended with ${code}: ${output}`);
  return output;
}

async function measure(checkout: string): Promise<Run> {
  const cwd = mkdtempSync(path.join(tmpdir(), 'svchost-bench-'));
  try {
    writeFileSync(path.join(cwd, 'package.json'), '{"type":"module"}');
    writeFileSync(path.join(cwd, 'processor.js'), processor);
    const queue = `bench-${randomUUID()}`;
    const env = {
      PATH: process.env['PATH'],
      EXECUTION_TYPE: 'MESSAGING',
      MESSAGING_TYPE: broker,
      CONCURRENCY: concurrency,
      BenchServiceProcessor_QUEUE_NAME: queue,
      SQLITE_PATH: path.join(cwd, 'queue.db'),
      ...brokerEnv,
    };
    await svchost(checkout, ['send'], { cwd, env, stdin: input });
    const output = await svchost(checkout, [], { cwd, env });
    return JSON.parse(/RESULT (.*)/.exec(output)![1]!) as Run;
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

const ratios: Run[] = [];
// The first pair warms up, and does not count.
for (let pair = 0; pair <= pairs; pair++) {
  const runs = new Map<string, Run>();
  const order = pair % 2 === 0 ? (['old', 'new'] as const) : (['new', 'old'] as const);
  for (const name of order) runs.set(name, await measure(checkouts[name]));
  const [ours, theirs] = [runs.get('new')!, runs.get('old')!];
  const ratio = {
    perSecond: ours.perSecond / theirs.perSecond,
    cpuMicros: ours.cpuMicros / theirs.cpuMicros,
  };
  console.log(
    `${pair}: ${ours.perSecond.toFixed(0)} and ${theirs.perSecond.toFixed(0)} /s, ratio ${ratio.perSecond.toFixed(3)}; ` +
      `${ours.cpuMicros.toFixed(1)} and ${theirs.cpuMicros.toFixed(1)} µs of CPU, ratio ${ratio.cpuMicros.toFixed(3)}`,
  );
  if (pair > 0) ratios.push(ratio);
}
console.log(
  `${broker} at ${concurrency}: rate ${median(ratios.map((r) => r.perSecond)).toFixed(3)}, ` +
    `CPU ${median(ratios.map((r) => r.cpuMicros)).toFixed(3)}`,
);
sqsServer?.disconnect();
