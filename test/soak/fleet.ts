// The hosts of a soak: several processes of one service, each started again when it ends, as by a supervisor.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startHost, type HostProcess } from '../support/host-process.ts';
import type { Fault } from './plan.ts';

const steppedClock = new URL('fixture/stepped-clock.js', import.meta.url);

/** The pause before an ended host is started again, in milliseconds. */
const restartMs = 300;

/** The longest step of the clock, in milliseconds: the clocks of replicas may differ by that much (docs/schedules.md). */
const longestStepMs = 5 * 60_000;

/** The service that the hosts run. */
export interface FleetOptions {
  readonly hosts: number;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Running hosts; disposing of them kills them. */
export class Fleet implements AsyncDisposable {
  readonly #options: FleetOptions;
  readonly #clock: string;
  readonly #hosts: HostProcess[] = [];
  readonly #ended: HostProcess[] = [];
  readonly #supervised: Promise<void>[] = [];
  readonly #ends: Record<string, number> = {};
  #isEnding = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#clock = join(options.directory, 'clock');
    this.#step(0);
  }

  /** How often hosts have ended before the fleet did, by exit code or signal. */
  get ends(): Readonly<Record<string, number>> {
    return this.#ends;
  }

  /** The faults that hit hosts. */
  get faults(): readonly Fault[] {
    return [
      { name: 'kill', hosts: 1, begin: (host) => this.#signal(host, 'SIGKILL') },
      { name: 'terminate', hosts: 1, begin: (host) => this.#signal(host, 'SIGTERM') },
      { name: 'freeze', hosts: 1, lastsMs: [500, 9000], begin: (host) => this.#freeze(host) },
      {
        name: 'clock set forward',
        lastsMs: [2000, 8000],
        begin: (_, random) => this.#setClock(random.between(1000, longestStepMs)),
      },
      {
        name: 'clock set back',
        lastsMs: [2000, 8000],
        begin: (_, random) => this.#setClock(-random.between(1000, longestStepMs)),
      },
    ];
  }

  /** Starts all hosts, and resolves when each has said that it works. */
  async start(readyLine: string): Promise<void> {
    for (let index = 0; index < this.#options.hosts; index++) {
      this.#hosts[index] = this.#launch();
      this.#supervised.push(this.#supervise(index));
    }
    await Promise.all(this.#hosts.map((host) => host.waitForLine(readyLine)));
  }

  /** The lines of all hosts that run now, and of those that have ended. */
  lines(): HostProcess['lines'][number][] {
    return [...this.#ended, ...this.#hosts].flatMap(({ lines }) => lines);
  }

  /** The end of what the hosts wrote that ended last, for people. */
  output(): string {
    return [...this.#ended.slice(-3), ...this.#hosts]
      .map((host) => host.output().slice(-3000))
      .join('\n---\n');
  }

  /** Drains all hosts; resolves when they have ended. */
  async drain(): Promise<void> {
    this.#isEnding = true;
    for (const host of this.#hosts) host.signal('SIGTERM');
    await Promise.all(this.#supervised);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    for (const host of this.#hosts) host.signal('SIGKILL');
    await Promise.all(this.#supervised);
  }

  #launch(): HostProcess {
    const { directory, env } = this.#options;
    return startHost({
      cwd: directory,
      env: { ...env, SOAK_CLOCK: this.#clock, NODE_OPTIONS: `--import=${steppedClock.href}` },
    });
  }

  async #supervise(index: number): Promise<void> {
    for (;;) {
      const host = this.#hosts[index]!;
      const { code, signal } = await host.exited;
      if (this.#isEnding) return;
      const end = signal ?? `exit ${code ?? '-'}`;
      this.#ends[end] = (this.#ends[end] ?? 0) + 1;
      await sleep(restartMs);
      // An end of the fleet meanwhile must not leave a new host behind.
      if (this.#mayStart()) {
        this.#ended.push(host);
        this.#hosts[index] = this.#launch();
      } else return;
    }
  }

  #mayStart(): boolean {
    return !this.#isEnding;
  }

  #signal(index: number, signal: NodeJS.Signals): Promise<() => void> {
    this.#hosts[index]!.signal(signal);
    return Promise.resolve(() => undefined);
  }

  #freeze(index: number): Promise<() => void> {
    const host = this.#hosts[index]!;
    host.signal('SIGSTOP');
    return Promise.resolve(() => host.signal('SIGCONT'));
  }

  /** One clock for all hosts, as on one machine. The end of the fault is a step, too. */
  #setClock(aheadMs: number): Promise<() => void> {
    this.#step(aheadMs);
    return Promise.resolve(() => this.#step(0));
  }

  #step(aheadMs: number): void {
    writeFileSync(this.#clock, String(aheadMs));
  }
}
