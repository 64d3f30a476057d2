// The faults of a soak, planned from its seed before it begins.
import { Random } from './random.ts';

/** Something that goes wrong for a while. */
export interface Fault {
  readonly name: string;
  /** How long it lasts, in milliseconds: the shortest and the longest. Default: it is over at once. */
  readonly lastsMs?: readonly [number, number];
  /** How many hosts it takes from their work. Default: all of them. */
  readonly hosts?: number;
  /**
   * Begins; `host` is the index of the host that is chosen for it.
   *
   * @returns its end
   */
  begin(host: number, random: Random): Promise<() => Promise<void> | void>;
}

/** A fault that has its time. */
export interface PlannedFault {
  /** When it begins, in milliseconds from the start of the soak. */
  readonly atMs: number;
  readonly lastsMs: number;
  readonly fault: Fault;
  readonly host: number;
  /** Seeds the fault's own decisions. */
  readonly seed: number;
}

/** How faults are planned. */
export interface PlanOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly faults: readonly Fault[];
  readonly hosts: number;
  /** The shortest and longest time from the end of a fault to the next one, in milliseconds. */
  readonly pauseMs: readonly [number, number];
}

/** The faults of a soak, one after the other; the last one is over when the time is. The same seed, the same plan. */
export function planFaults(options: PlanOptions): PlannedFault[] {
  const { seed, durationMs, faults, hosts, pauseMs } = options;
  const random = new Random(seed);
  const plan: PlannedFault[] = [];
  for (let atMs = random.between(...pauseMs); ;) {
    const fault = random.pick(faults);
    const lastsMs = random.between(...(fault.lastsMs ?? [0, 0]));
    const planned = {
      atMs,
      lastsMs,
      fault,
      host: random.between(0, hosts - 1),
      seed: random.between(1, 2 ** 31),
    };
    if (atMs + lastsMs > durationMs) return plan;
    plan.push(planned);
    atMs += lastsMs + random.between(...pauseMs);
  }
}

/** How often each fault is planned. */
export function countFaults(plan: readonly PlannedFault[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { fault } of plan) counts[fault.name] = (counts[fault.name] ?? 0) + 1;
  return counts;
}
