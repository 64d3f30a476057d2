// The broker's address in amqplib's form: host, credentials and virtual host. Pure, except that hosts take turns.
import type { Options, SocketOptions } from 'amqplib';
import type { Login } from './close-reason.ts';
import type { RabbitMqHost, RabbitMqSettings } from '../../config/broker/rabbitmq.ts';

/** The settings of a RabbitMQ connection. */
export type RabbitMqOptions = Omit<RabbitMqSettings, 'type'>;

/** How long a TCP connection and its AMQP handshake may take together, in milliseconds. */
const handshakeTimeoutMs = 10_000;

/** The address of the brokers, without the password. */
export function describeAddress({ hosts, username, virtualHost, tls }: RabbitMqOptions): string {
  const list = hosts.map(({ hostname, port }) => `${hostname}:${port}`).join(',');
  return `${tls ? 'amqps' : 'amqp'}://${encodeURIComponent(username)}:***@${list}/${encodeURIComponent(virtualHost)}`;
}

/** The socket options: time limit, no Nagle delay, keep-alive, and the name that the broker's operators see. */
export function socketOptions(connectionName: string): SocketOptions {
  return {
    timeout: handshakeTimeoutMs,
    noDelay: true,
    keepAlive: true,
    keepAliveDelay: 30_000,
    clientProperties: { connection_name: connectionName },
  };
}

/**
 * The broker's address in amqplib's form. amqplib reads this object again at every attempt to connect, so a change of
 * its host is enough to try the next one.
 */
export class Endpoint {
  readonly address: Options.Connect;
  readonly #options: RabbitMqOptions;
  readonly #hosts: readonly [RabbitMqHost, ...RabbitMqHost[]];
  #turn = 0;

  /** @throws RangeError there are no hosts */
  constructor(options: RabbitMqOptions) {
    const [first, ...rest] = options.hosts;
    if (first === undefined) throw new RangeError('a RabbitMQ connection needs at least one host');
    this.#options = options;
    this.#hosts = [first, ...rest];
    this.address = {
      ...first,
      protocol: options.tls ? 'amqps' : 'amqp',
      username: options.username,
      password: options.password,
      // amqplib takes credentials as they are, but percent-decodes the virtual host.
      vhost: encodeURIComponent(options.virtualHost),
      heartbeat: options.heartbeatS,
    };
  }

  /** The host that the next attempt goes to. */
  get host(): string {
    return `${this.address.hostname ?? ''}:${this.address.port ?? 0}`;
  }

  /** What the next attempt connects with. */
  get login(): Login {
    const { username, password, virtualHost, tls } = this.#options;
    const { hostname, port } = this.#hosts[this.#turn] ?? this.#hosts[0];
    return { hostname, port, tls, username, password, virtualHost };
  }

  /** Moves on to the next host. */
  next(): void {
    this.#turn = (this.#turn + 1) % this.#hosts.length;
    Object.assign(this.address, this.#hosts[this.#turn]);
  }
}
