// A soak of a schedule: three replicas with CRON_REPLICAS=once, every second, while one fault follows another. Each
// occurrence must run once, or be reported as skipped.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { uniqueQueueName } from '../support/queue.ts';
import { Fleet } from './fleet.ts';
import { createJournal, readJournal } from './journal.ts';
import { countFaults, planFaults } from './plan.ts';
import { disturb, type SoakOptions } from './soak.ts';
import type { World } from './world.ts';

const replicas = 3;
const stepMs = 1000;

/** What a soak of a schedule has shown. */
export interface ScheduleResult {
  readonly world: string;
  readonly description: string;
  readonly seed: number;
  readonly seconds: number;
  readonly replicas: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly ends: Readonly<Record<string, number>>;
  /** Occurrences that ran. */
  readonly ran: number;
  /** Occurrences that did not run and were reported. */
  readonly skipped: number;
  /** Occurrences that ran more than once. */
  readonly repeated: readonly string[];
  /**
   * Occurrences that neither ran nor were reported: their replica died between the claim and the run, or every replica was down.
   */
  readonly unreported: readonly string[];
  /** As many occurrences as the deaths can explain. */
  readonly mostUnreported: number;
  readonly clean: boolean;
  readonly output?: string;
}

/** Runs a soak of a schedule. Rejects only if the world itself fails. */
export async function soakSchedule(options: SoakOptions): Promise<ScheduleResult> {
  const directory = mkdtempSync(join(tmpdir(), 'svchost-soak-'));
  try {
    await using world = await options.startWorld();
    return await run(world, directory, options);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function run(world: World, directory: string, options: SoakOptions): Promise<ScheduleResult> {
  const { seed, durationMs, pauseMs = [2000, 5000], report } = options;
  const journal = createService(directory);
  await using fleet = new Fleet({
    hosts: replicas,
    directory,
    env: {
      ...world.env,
      EXECUTION_TYPE: 'CRON',
      CRON_TIME_AMOUNT: String(stepMs / 1000),
      CRON_TIME_UNIT: 'seconds',
      CRON_REPLICAS: 'once',
      SHUTDOWN_TIMEOUT: '5',
      SOAK_JOURNAL: journal,
    },
  });
  await fleet.start('running every');
  const startedAt = Date.now();
  const plan = planFaults({
    seed,
    durationMs,
    faults: [...fleet.faults, ...world.faults],
    hosts: replicas,
    pauseMs,
  });
  await disturb(plan, durationMs, report);
  const endedAt = Date.now();
  const deaths = Object.values(fleet.ends).reduce((sum, count) => sum + count, 0);
  await fleet.drain();

  const ran = readJournal(journal);
  const skipped = skippedBy(fleet);
  const repeated = [...ran].filter(([, count]) => count > 1).map(([instant]) => iso(instant));
  const unreported = gridBetween(startedAt, endedAt).filter(
    (instant) => !ran.has(instant) && !skipped.has(instant),
  );
  const clean = ran.size > 0 && repeated.length === 0 && unreported.length <= deaths;
  return {
    world: `schedule on ${world.name}`,
    description: world.description,
    seed,
    seconds: durationMs / 1000,
    replicas,
    faults: countFaults(plan),
    ends: { ...fleet.ends },
    ran: ran.size,
    skipped: [...skipped].filter((instant) => !ran.has(instant)).length,
    repeated,
    unreported: unreported.map(iso),
    mostUnreported: deaths,
    clean,
    ...(!clean && { output: fleet.output() }),
  };
}

/** Writes the service; returns the path of its journal. */
function createService(directory: string): string {
  cpSync(fileURLToPath(new URL('fixture/schedule.js', import.meta.url)), join(directory, 'processor.js'));
  // Replicas are of one schedule if they share a broker and this name.
  const manifest = { name: uniqueQueueName('soak'), version: '1.0.0', type: 'module', private: true };
  writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest));
  const journal = join(directory, 'journal');
  createJournal(journal);
  return journal;
}

/** The occurrences that some replica has reported as skipped. */
function skippedBy(fleet: Fleet): Set<number> {
  const instants = fleet
    .lines()
    .filter(({ msg }) => msg === 'occurrence skipped')
    .flatMap(({ scheduledFor, skipped = 1 }) => {
      const first = Date.parse(String(scheduledFor));
      return Array.from({ length: Number(skipped) }, (_, index) => first + index * stepMs);
    });
  return new Set(instants);
}

/** The occurrences after the first instant and before the last. */
function gridBetween(from: number, until: number): number[] {
  const first = Math.ceil(from / stepMs);
  // The last ones may be due just now.
  const count = Math.max(0, Math.floor(until / stepMs) - 2 - first);
  return Array.from({ length: count }, (_, index) => (first + index) * stepMs);
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}
