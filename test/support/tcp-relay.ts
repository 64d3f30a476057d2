// A TCP relay on the loopback between a client and a broker, to break the network with. Independent of the protocol.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A running relay. */
export interface Relay extends AsyncDisposable {
  /** The port for clients, on 127.0.0.1. Stays the same through `refuse` and `accept`. */
  readonly port: number;
  /** The number of open connections. */
  readonly connections: number;
  /** The number of connections accepted since the start, including those that have ended. */
  readonly accepted: number;
  /** Ends all open connections with RST, on both sides; new ones are accepted. */
  reset(): void;
  /** Stops listening: new connections are refused, open ones stay. */
  refuse(): Promise<void>;
  /** Listens again. */
  accept(): Promise<void>;
  /**
   * Holds the bytes in both directions, for new connections too; connections stay open, and their ends are not
   * forwarded.
   */
  freeze(): void;
  /** Forwards the held bytes, and all that follow. */
  thaw(): void;
  /** Resets a connection exactly after `bytes` more bytes have gone from clients to the broker. Happens once. */
  cutAfter(bytes: number): void;
  /**
   * Replaces bytes by others of the same length in all that is forwarded from now on, in both directions. They are found
   * only within one chunk, so choose bytes in the middle of a small message.
   */
  rewrite(from: Buffer, to: Buffer): void;
  /** Ends everything. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a relay to `targetPort`. If nothing listens there, a client is connected and then reset; only `refuse` makes
 * it see a refused connection.
 */
export async function startRelay(targetPort: number, targetHost = '127.0.0.1'): Promise<Relay> {
  const relay = new TcpRelay(targetPort, targetHost);
  await relay.accept();
  return relay;
}

class TcpRelay implements Relay {
  readonly #target: { readonly port: number; readonly host: string };
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #port = 0;
  #accepted = 0;
  #frozen = false;
  #bytesLeft = Infinity;
  readonly #rewrites: { readonly from: Buffer; readonly to: Buffer }[] = [];

  constructor(port: number, host: string) {
    this.#target = { port, host };
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#links.size;
  }

  get accepted(): number {
    return this.#accepted;
  }

  async accept(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#connect(client));
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    // Not awaited: `close` calls back only when the open connections have ended, but stops listening at once.
    server?.close();
    return Promise.resolve();
  }

  freeze(): void {
    this.#frozen = true;
    for (const link of this.#links) link.pause();
  }

  thaw(): void {
    this.#frozen = false;
    for (const link of this.#links) link.resume();
  }

  cutAfter(bytes: number): void {
    this.#bytesLeft = bytes;
  }

  rewrite(from: Buffer, to: Buffer): void {
    this.#rewrites.push({ from, to });
  }

  reset(): void {
    for (const link of this.#links) link.end('reset');
  }

  async close(): Promise<void> {
    await this.refuse();
    for (const link of this.#links) link.end('close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #connect(client: Socket): void {
    this.#accepted++;
    const broker = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const link = new Link(client, broker, {
      change: (chunk) => this.#change(chunk),
      allowance: (chunk) => this.#allowance(chunk),
    });
    this.#links.add(link);
    void link.ended.then(() => this.#links.delete(link));
    if (this.#frozen) link.pause();
  }

  /** Applies the rewrites, in place. */
  #change(chunk: Buffer): void {
    for (const { from, to } of this.#rewrites) {
      const at = chunk.indexOf(from);
      if (at >= 0) to.copy(chunk, at);
    }
  }

  /** How much of a chunk from a client may pass before the cut; undefined if all of it may. */
  #allowance(chunk: Buffer): number | undefined {
    this.#bytesLeft -= chunk.length;
    if (this.#bytesLeft > 0) return undefined;
    const allowed = chunk.length + this.#bytesLeft;
    this.#bytesLeft = Infinity;
    return allowed;
  }
}

/** What happens to the bytes of a link. */
interface LinkOptions {
  /** Changes a chunk, in place. */
  readonly change: (chunk: Buffer) => void;
  /** How much of a chunk from the client may pass before the cut; undefined if all of it may. */
  readonly allowance: (chunk: Buffer) => number | undefined;
}

/** One client's connection and its counterpart to the broker. */
class Link {
  readonly ended: Promise<void>;
  readonly #client: Socket;
  readonly #broker: Socket;
  readonly #options: LinkOptions;
  #paused = false;
  #isOver = false;

  constructor(client: Socket, broker: Socket, options: LinkOptions) {
    this.#client = client;
    this.#broker = broker;
    this.#options = options;
    this.#pump(client, broker, (chunk) => this.#pass(chunk));
    this.#pump(broker, client, (chunk) => client.write(chunk));
    this.ended = Promise.all([closed(client), closed(broker)]).then(() => undefined);
  }

  pause(): void {
    this.#paused = true;
    this.#client.pause();
    this.#broker.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#client.resume();
    this.#broker.resume();
  }

  end(how: 'reset' | 'close'): void {
    this.#isOver = true;
    for (const socket of [this.#client, this.#broker]) {
      // A socket that is still connecting has no peer to send an RST to.
      if (how === 'reset' && !socket.connecting && !socket.destroyed) socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  #pump(from: Socket, to: Socket, write: (chunk: Buffer) => boolean): void {
    from.on('data', (chunk: Buffer) => {
      this.#options.change(chunk);
      if (!write(chunk)) from.pause();
    });
    to.on('drain', () => {
      if (!this.#paused && !this.#isOver) from.resume();
    });
    from.on('end', () => to.end());
    // A failure on one side breaks the other in the same way.
    from.on('error', () => this.end('reset'));
    from.on('close', () => {
      if (!from.readableEnded || !to.writable) this.end('close');
    });
  }

  #pass(chunk: Buffer): boolean {
    if (this.#isOver) return false;
    const allowed = this.#options.allowance(chunk);
    if (allowed === undefined) return this.#broker.write(chunk);
    this.#isOver = true;
    // Only bytes that have left this process are surely forwarded: an RST discards those still to be sent.
    this.#broker.write(chunk.subarray(0, allowed), () => this.end('reset'));
    return false;
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
