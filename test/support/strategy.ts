// Decides from which source the tests get a broker. Pure: broker.ts, own-broker.ts and own-nats.ts act on it.

/** A way to a broker. */
export type Strategy =
  /** The broker named by RABBITMQ_URL or NATS_URL. */
  | 'url'
  /** The broker that already runs on this machine. */
  | 'running'
  /** A server of our own, from the installed package. */
  | 'installed'
  /** A container of our own. */
  | 'docker'
  /** Debian's package, installed by us, then as `installed`. */
  | 'apt';

/** The available means. */
export type Facts = Readonly<Record<Strategy, boolean>>;

/** From the one that changes nothing on the machine to the one that changes most. */
const order: readonly Strategy[] = ['running', 'installed', 'docker', 'apt'];

/**
 * The ways to try, best first; empty if there is none.
 *
 * A broker that is named is the only way: another one in its place would test something that nobody asked for. Nothing
 * is installed if a server is there already.
 */
export function strategiesFor(facts: Facts): readonly Strategy[] {
  if (facts.url) return ['url'];
  return order.filter((strategy) => facts[strategy] && !(strategy === 'apt' && facts.installed));
}

/** The remedy if there is no broker: lines for people. */
export interface Advice {
  /** The broker's name. */
  readonly needed: string;
  readonly lines: readonly string[];
}

export const rabbitMqAdvice: Advice = {
  needed: 'RabbitMQ',
  lines: [
    'name a broker:    RABBITMQ_URL=amqp://user:password@host:5672 npm test',
    'install a server: apt-get install rabbitmq-server (Debian, Ubuntu), or brew install rabbitmq (macOS);',
    '                  it need not run, the tests start a node of their own',
    'start Docker, with access for this user',
  ],
};

export const natsAdvice: Advice = {
  needed: 'NATS with JetStream',
  lines: [
    'name a server:    NATS_URL=nats://user:password@host:4222 npm test',
    'install a server: apt-get install nats-server (Debian, Ubuntu), or brew install nats-server (macOS);',
    '                  it need not run, the tests start one of their own',
  ],
};

/** There is no broker for the tests. The message lists the attempts and the remedy. */
export class NoBrokerError extends Error {
  readonly #advice: Advice;
  readonly tried: readonly string[];

  /** @param tried one line for each way, with the reason why it was not possible */
  constructor(advice: Advice, tried: readonly string[], options: ErrorOptions = {}) {
    const message = [
      `The tests need a ${advice.needed}, and none could be found or started:`,
      ...tried.map((line) => `  - ${line}`),
      'Do one of these, and run the tests again:',
      ...advice.lines.map((line) => (line.startsWith(' ') ? `    ${line}` : `  - ${line}`)),
    ].join('\n');
    super(message, options);
    this.name = 'NoBrokerError';
    this.#advice = advice;
    this.tried = tried;
  }

  /** The same error, after another way had been tried first. */
  after(tried: string): NoBrokerError {
    return new NoBrokerError(this.#advice, [tried, ...this.tried], { cause: this });
  }
}
