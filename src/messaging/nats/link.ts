// The connection to a NATS server, opened again whenever it is lost. The client's own reconnecting is off: it gives no
// reasons, and sends on the new connection the data that was buffered for the old one.
import { readFile } from 'node:fs/promises';
import {
  connect,
  credsAuthenticator,
  type ConnectionOptions,
  type NatsConnection,
} from '@nats-io/transport-node';
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { sleep, within } from '../../clock.ts';
import { BrokerRefusedError, NotConnectedError, toError } from '../../errors.ts';
import type { AdapterContext } from '../adapter.ts';
import { backoffMs } from '../backoff.ts';
import { Patience } from '../patience.ts';
import { LossStreak } from '../streak.ts';
import { connectionRefusal, jetStreamRefusal } from './failure.ts';
import {
  connectTimeoutMs,
  defaultPingIntervalMs,
  describeAddress,
  goodbyeMs,
  requestTimeoutMs,
  type NatsOptions,
} from './options.ts';

/** One open connection, and JetStream on it. */
export interface OpenLink {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
}

/** The connection of one adapter, for as long as the adapter is open; the TCP connection below may be lost and reopened. */
export class Link {
  readonly address: string;
  readonly #options: NatsOptions;
  readonly #context: AdapterContext;
  readonly #closing = new AbortController();
  /** Dispatches `change` when a connection has been opened, and when none will follow. */
  readonly #changes = new EventTarget();
  readonly #streak = new LossStreak();
  readonly #patience: Patience;
  #current: OpenLink | undefined;
  #hasConnected = false;
  #largestMessageBytes: number | undefined;

  constructor(options: NatsOptions, context: AdapterContext) {
    this.#options = options;
    this.#context = context;
    this.#patience = new Patience(context.clock, context.refusalPatienceMs ?? 0);
    this.address = describeAddress(options);
  }

  /** The connection that is open now. */
  get current(): OpenLink | undefined {
    return this.#current;
  }

  /** Whether it has connected once and is not closed. */
  get isOpen(): boolean {
    return this.#hasConnected && !this.#isClosing();
  }

  /** The largest message that the server accepts, headers included, in bytes; undefined before the first connection. */
  get largestMessageBytes(): number | undefined {
    return this.#largestMessageBytes;
  }

  /**
   * Retries until it has connected.
   *
   * @throws BrokerRefusedError retrying cannot help
   * @throws NotConnectedError it was closed meanwhile
   */
  async connect(): Promise<void> {
    await this.#openUntilItWorks();
    if (this.#isClosing()) throw new NotConnectedError(this.address);
  }

  /** The open connection, once there is one; undefined if the signal is aborted or the link closed before. */
  opened(signal: AbortSignal): Promise<OpenLink | undefined> {
    if (this.#current || signal.aborted || this.#isClosing()) return Promise.resolve(this.#current);
    return new Promise((resolve) => {
      const settle = (): void => {
        signal.removeEventListener('abort', settle);
        this.#changes.removeEventListener('change', settle);
        resolve(this.#current);
      };
      signal.addEventListener('abort', settle, { once: true });
      this.#changes.addEventListener('change', settle, { once: true });
    });
  }

  /** The open connection. @throws Error there is none now */
  require(): OpenLink {
    if (!this.#current) throw new Error(`no connection to ${this.address} for now`);
    return this.#current;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const open = this.#current;
    this.#current = undefined;
    this.#changes.dispatchEvent(new Event('change'));
    if (open) await within(this.#context.clock, goodbyeMs, open.nc.close());
  }

  async #openUntilItWorks(): Promise<void> {
    const { clock, emit } = this.#context;
    let failures = 0;
    while (!this.#isClosing()) {
      try {
        const open = await this.#open();
        if (this.#isClosing()) return void open.nc.close();
        this.#adopt(open);
        return;
      } catch (error) {
        if (this.#isClosing()) return;
        if (this.#isRefused(error)) throw error;
        emit({ kind: 'broker-connect-failed', broker: this.address, error: toError(error) });
        failures++;
        await sleep(clock, backoffMs(failures), this.#closing.signal);
      }
    }
  }

  /** Whether the first connection has been refused for too long. */
  #isRefused(error: unknown): boolean {
    if (error instanceof BrokerRefusedError) return this.#patience.refused() && !this.#hasConnected;
    this.#patience.renew();
    return false;
  }

  /** Pauses first if the last connections did not last: the next one may not either. */
  async #reopen(): Promise<void> {
    const { losses } = this.#streak;
    if (losses > 1) await sleep(this.#context.clock, backoffMs(losses), this.#closing.signal);
    await this.#openUntilItWorks();
  }

  async #open(): Promise<OpenLink> {
    const nc = await this.#dial();
    try {
      const options = { timeout: requestTimeoutMs };
      const jsm = await jetstreamManager(nc, { ...options, checkAPI: false });
      await this.#probe(nc, jsm);
      return { nc, jsm, js: jetstream(nc, options) };
    } catch (error) {
      await nc.close();
      throw error;
    }
  }

  async #dial(): Promise<NatsConnection> {
    const options = await this.#connectionOptions();
    try {
      return await connect(options);
    } catch (error) {
      throw connectionRefusal(error, this.address) ?? error;
    }
  }

  /** Finds out whether there is a JetStream for us. A user without the right to ask may still have those that count. */
  async #probe(nc: NatsConnection, jsm: JetStreamManager): Promise<void> {
    try {
      await jsm.getAccountInfo();
    } catch (error) {
      const refusal = jetStreamRefusal(error, nc, this.address);
      if (refusal) throw refusal;
      if (!/permissions violation/i.test(toError(error).message)) throw error;
    }
  }

  async #connectionOptions(): Promise<ConnectionOptions> {
    const { servers, tls, username, password, token, credentialsPath, pingIntervalMs } = this.#options;
    return {
      servers: [...servers],
      name: this.#context.connectionName,
      reconnect: false,
      timeout: connectTimeoutMs,
      pingInterval: pingIntervalMs ?? defaultPingIntervalMs,
      maxPingOut: 2,
      noAsyncTraces: true,
      ...(tls && { tls: {} }),
      ...(username !== undefined && { user: username }),
      ...(password !== undefined && { pass: password }),
      ...(token !== undefined && { token }),
      ...(credentialsPath !== undefined && {
        authenticator: credsAuthenticator(await readCredentials(credentialsPath)),
      }),
    };
  }

  #adopt(open: OpenLink): void {
    const { clock, emit } = this.#context;
    this.#current = open;
    this.#streak.opened(clock.elapsed());
    this.#largestMessageBytes = open.nc.info?.max_payload;
    const broker = open.nc.getServer();
    emit({ kind: 'broker-connected', broker, isReconnect: this.#hasConnected });
    this.#hasConnected = true;
    this.#changes.dispatchEvent(new Event('change'));
    void open.nc.closed().then((reason) => {
      if (this.#isClosing()) return;
      this.#current = undefined;
      const error = toError(reason ?? 'the connection was closed');
      emit({ kind: 'broker-lost', broker, failures: this.#streak.lost(clock.elapsed()), error });
      void this.#reopen();
    });
  }

  /** A method, since it changes between two awaits. */
  #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }
}

async function readCredentials(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new BrokerRefusedError(`NATS_CREDS cannot be read: ${toError(cause).message}`, { cause });
  }
}
