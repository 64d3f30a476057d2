// A soak of a queue: numbered messages at a steady rate through several hosts while one fault follows another, then
// every number is accounted for.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { header } from '../../src/messaging/dead-letter.ts';
import { uniqueQueueName } from '../support/queue.ts';
import { accountFor, isClean, type Account } from './account.ts';
import { Fleet } from './fleet.ts';
import { createJournal, readJournal } from './journal.ts';
import { kindNames, numberIn, type KindName } from './kind.ts';
import { countFaults, planFaults, type Fault, type PlannedFault } from './plan.ts';
import { Random } from './random.ts';
import { Sender } from './sender.ts';
import type { World } from './world.ts';

const fixtures = fileURLToPath(new URL('fixture', import.meta.url));
const hosts = 3;
const concurrency = 4;
const retryDelaysMs = [300, 600];

/** How a soak runs. */
export interface SoakOptions {
  readonly startWorld: () => Promise<World>;
  readonly seed: number;
  readonly durationMs: number;
  /** Messages per second. */
  readonly rate: number;
  /** The kinds of its messages; default: all. */
  readonly among?: readonly KindName[];
  /** The shortest and longest time between two faults, in milliseconds; default: 2 to 5 s. */
  readonly pauseMs?: readonly [number, number];
  /** How long the rest of the work may take once nothing disturbs it any more, in milliseconds; default: 4 minutes. */
  readonly settleMs?: number;
  /** Told what happens. */
  readonly report?: (line: string) => void;
}

/** What a soak has shown. */
export interface SoakResult {
  readonly world: string;
  readonly description: string;
  readonly seed: number;
  readonly seconds: number;
  readonly rate: number;
  readonly hosts: number;
  readonly concurrency: number;
  /** How often each fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** How often hosts ended, by exit code or signal. */
  readonly ends: Readonly<Record<string, number>>;
  readonly account: Account;
  /** As many as were in flight when a fault or a death hit. */
  readonly mostDuplicates: number;
  /** How long it took until all was accounted for once the faults were over, in seconds. */
  readonly settledS: number;
  readonly clean: boolean;
  /** The end of the hosts' output, if it is not clean. */
  readonly output?: string;
}

/** Runs a soak. Rejects only if the world itself fails, never over what the hosts do. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const directory = mkdtempSync(join(tmpdir(), 'svchost-soak-'));
  try {
    await using world = await options.startWorld();
    return await run(world, directory, options);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function run(world: World, directory: string, options: SoakOptions): Promise<SoakResult> {
  const { seed, durationMs, rate, among = kindNames, pauseMs = [2000, 5000], settleMs = 240_000 } = options;
  const queue = uniqueQueueName('soak');
  const journal = createService(directory);
  await using sender = new Sender({ world, queue, seed, among, directory });
  await sender.start();
  await using fleet = new Fleet({
    hosts,
    directory,
    env: { ...world.env, ...serviceEnv, SoakServiceProcessor_QUEUE_NAME: queue, SOAK_JOURNAL: journal },
  });
  await fleet.start('consuming queue');

  const faults = [...fleet.faults, ...world.faults, sender.fault];
  const plan = planFaults({ seed, durationMs, faults, hosts, pauseMs });
  const ticks = setInterval(() => sender.sendNext(), 1000 / rate);
  try {
    await disturb(plan, durationMs, options.report);
  } finally {
    clearInterval(ticks);
  }
  await sender.finish();

  const account = async (left: number) =>
    accountFor(sender.sent, {
      processed: readJournal(journal),
      dead: (await world.browse(`${queue}_dead`)).map(({ body, headers }) => ({
        number: numberIn(body) ?? -1,
        reason: String(headers[header.reason]),
      })),
      left,
    });
  const settledMs = await settle(settleMs, async () => {
    const { lost, stuck } = await account(await sender.countWaiting(retryDelaysMs));
    return lost.length + stuck === 0;
  });
  await fleet.drain();
  const accounted = await account(await sender.countWaiting(retryDelaysMs));
  const mostDuplicates = duplicatesBound(plan, fleet.ends);
  const clean = isClean(accounted, mostDuplicates);
  return {
    world: world.name,
    description: world.description,
    seed,
    seconds: durationMs / 1000,
    rate,
    hosts,
    concurrency,
    faults: countFaults(plan),
    ends: { ...fleet.ends },
    account: accounted,
    mostDuplicates,
    settledS: Math.round(settledMs / 1000),
    clean,
    ...(!clean && { output: fleet.output() }),
  };
}

const serviceEnv = {
  CONCURRENCY: String(concurrency),
  RETRY_MAX_ATTEMPTS: '3',
  RETRY_INITIAL_DELAY: String(retryDelaysMs[0]! / 1000),
  RETRY_FACTOR: String(retryDelaysMs[1]! / retryDelaysMs[0]!),
  PROCESS_TIMEOUT: '2',
  SHUTDOWN_TIMEOUT: '5',
};

/** Writes the service; returns the path of its journal. */
function createService(directory: string): string {
  cpSync(join(fixtures, 'processor.js'), join(directory, 'processor.js'));
  const manifest = { name: 'soak', version: '1.0.0', type: 'module', private: true };
  writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest));
  const journal = join(directory, 'journal');
  createJournal(journal);
  return journal;
}

/** Lets the faults happen, and returns when the time is over. */
export async function disturb(
  plan: readonly PlannedFault[],
  durationMs: number,
  report: (line: string) => void = () => undefined,
): Promise<void> {
  const startedAt = performance.now();
  const until = (atMs: number) => sleep(Math.max(0, startedAt + atMs - performance.now()));
  for (const { atMs, lastsMs, fault, host, seed } of plan) {
    await until(atMs);
    report(`${Math.round(atMs / 1000)} s: ${fault.name}${fault.hosts === 1 ? ` of host ${host + 1}` : ''}`);
    const end = await fault.begin(host, new Random(seed));
    await sleep(lastsMs);
    await end();
  }
  await until(durationMs);
}

/** Waits until `isDone` has been true for three looks in a row, but no longer than `limitMs`; returns how long. */
async function settle(limitMs: number, isDone: () => Promise<boolean>): Promise<number> {
  const startedAt = performance.now();
  let streak = 0;
  while (streak < 3 && performance.now() - startedAt < limitMs) {
    await sleep(500);
    // A broker that has just come up may not answer yet.
    streak = (await isDone().catch(() => false)) ? streak + 1 : 0;
  }
  return performance.now() - startedAt;
}

/** What was in flight at each fault, and at each death that no fault caused: that many may have been done twice. */
function duplicatesBound(plan: readonly PlannedFault[], ends: Readonly<Record<string, number>>): number {
  const hit = ({ hosts: hit = hosts }: Fault) => hit;
  const byFaults = plan.reduce((sum, { fault }) => sum + hit(fault), 0);
  const deaths = Object.values(ends).reduce((sum, count) => sum + count, 0);
  return (byFaults + deaths) * concurrency;
}
