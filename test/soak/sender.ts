// Sends the numbered messages of a soak, each until the broker has confirmed it, and keeps what it knows of each.
import { setTimeout as sleep } from 'node:timers/promises';
import { startHost } from '../support/host-process.ts';
import type { Sent } from './account.ts';
import { kinds, messageOf, type Ending, type KindName } from './kind.ts';
import type { Fault } from './plan.ts';
import type { World } from './world.ts';

/** How many messages a sender that is killed was given. */
const batchSize = 30;

/** What to send, and where. */
export interface SenderOptions {
  readonly world: World;
  readonly queue: string;
  readonly seed: number;
  readonly among: readonly KindName[];
  /** The service directory, for `svchost send`. */
  readonly directory: string;
}

/** A sender; disposing of it closes its connection. */
export class Sender implements AsyncDisposable {
  readonly #options: SenderOptions;
  readonly #adapter: ReturnType<World['adapter']>;
  readonly #sent = new Map<number, { ending: Ending; least: number; most: number }>();
  readonly #pending = new Set<Promise<void>>();
  readonly #given = new AbortController();
  #next = 1;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#adapter = options.world.adapter();
  }

  /** All messages so far. */
  get sent(): Sent[] {
    return [...this.#sent].map(([number, { ending, least, most }]) => ({
      number,
      ending,
      copies: { least, most },
    }));
  }

  /** Connects, and makes the queue. */
  async start(): Promise<void> {
    const { world, queue } = this.#options;
    await this.#adapter.connect();
    await world.prepare?.(queue);
    await this.#adapter.ensureQueue(queue);
  }

  /** Sends the next message, as often as it takes; returns at once. */
  sendNext(): void {
    const { seed, among } = this.#options;
    const message = messageOf(seed, this.#next++, among);
    const entry = { ending: kinds[message.kind].ending as Ending, least: 0, most: 0 };
    this.#sent.set(message.number, entry);
    const sending = this.#send(message, entry).finally(() => this.#pending.delete(sending));
    this.#pending.add(sending);
  }

  /** Resolves when each message is confirmed. */
  async finish(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** Another sender, `svchost send`, is killed in the middle of its work: nobody knows what it has sent. */
  get fault(): Fault {
    return {
      name: 'svchost send killed',
      hosts: 0,
      lastsMs: [300, 900],
      begin: () => {
        const host = this.#sendBatch();
        return Promise.resolve(async () => {
          host.signal('SIGKILL');
          await host.exited;
        });
      },
    };
  }

  /** The number of messages that wait, now or for a retry. */
  countWaiting(retryDelaysMs: readonly number[]): Promise<number> {
    return this.#adapter.countMessages(this.#options.queue, retryDelaysMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#given.abort();
    await this.#adapter.close();
  }

  async #send(
    { body, headers }: ReturnType<typeof messageOf>,
    entry: { least: number; most: number },
  ): Promise<void> {
    while (!this.#given.signal.aborted) {
      // Also what was not confirmed may have arrived.
      entry.most++;
      try {
        await this.#adapter.sendMessage(this.#options.queue, body, { headers });
        entry.least = 1;
        return;
      } catch {
        await sleep(200);
      }
    }
  }

  #sendBatch() {
    const { world, queue, directory } = this.#options;
    const host = startHost({
      cwd: directory,
      env: world.senderEnv,
      args: ['send', '--queue', queue],
      hasInput: true,
    });
    for (let index = 0; index < batchSize; index++) {
      const number = this.#next++;
      this.#sent.set(number, { ending: 'done', least: 0, most: 1 });
      host.type(JSON.stringify({ number, kind: 'quick' }));
    }
    host.endInput();
    return host;
  }
}
