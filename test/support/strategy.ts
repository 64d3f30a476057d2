// Decides where the tests get a broker from. Pure: owns neither the finding out nor the starting.

/** A way to a broker. */
export type Strategy =
  /** The broker named by RABBITMQ_URL or NATS_URL. */
  | 'url'
  /** The broker that already runs on this machine. */
  | 'running'
  /** A server of our own, of the installed package. */
  | 'installed'
  /** A container of our own. */
  | 'docker'
  /** Debian's package, installed by us, then as `installed`. */
  | 'apt';

/** What is there. */
export type Facts = Readonly<Record<Strategy, boolean>>;

/** From the one that changes nothing on the machine to the one that changes most. */
const order: readonly Strategy[] = ['running', 'installed', 'docker', 'apt'];

/**
 * The ways to try, best first; empty where there is none.
 *
 * A broker that was asked for by name is the only way: another one in its place would test what nobody asked for.
 * Nothing is installed where a server is already.
 */
export function strategiesFor(facts: Facts): readonly Strategy[] {
  if (facts.url) return ['url'];
  return order.filter((strategy) => facts[strategy] && !(strategy === 'apt' && facts.installed));
}

/** What to do if there is no broker: lines for people. */
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

/** There is no broker for the tests. The message says what was tried, and what to do. */
export class NoBrokerError extends Error {
  readonly #advice: Advice;
  readonly tried: readonly string[];

  /** @param tried one line for each way that was looked at, and why it is none */
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

  /** The same, where another way had been looked at before. */
  after(tried: string): NoBrokerError {
    return new NoBrokerError(this.#advice, [tried, ...this.tried], { cause: this });
  }
}
