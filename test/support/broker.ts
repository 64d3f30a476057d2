// The RabbitMQ that all tests share: finds or starts it, and ends it if it was started.
import { awaitHandshake, handshake, withoutPassword, type Answer } from './handshake.ts';
import { lookAround, prepareOwnBroker, startOwnBroker } from './own-broker.ts';
import { NoBrokerError, rabbitMqAdvice, strategiesFor } from './strategy.ts';

/** The shared broker. */
export interface Broker {
  /** With user and password. */
  readonly url: string;
  /** Its kind and origin, for people; without the password. */
  readonly description: string;
  /** Ends the broker if it was started for the tests; leaves any other as it is. */
  close(): Promise<void>;
}

/** The places to look for a broker. */
export interface BrokerSearch {
  /** The broker that RABBITMQ_URL names. */
  readonly url: string | undefined;
  /** The URL at which a running one may be found. */
  readonly localUrl?: string;
  /** How long to wait for the named one, which may still be starting beside us; milliseconds. */
  readonly waitMs?: number;
}

/**
 * The broker at `url`, else the running one at `localUrl`, else one of our own (see strategy.ts for the order).
 *
 * @throws NoBrokerError with the remedy; also if the broker at `url` refuses the login
 */
export async function provideBroker(search: BrokerSearch): Promise<Broker> {
  const { url = '', localUrl = 'amqp://guest:guest@localhost:5672', waitMs = 30_000 } = search;
  let refusal: unknown;
  const answer = await (url === '' ? handshake(localUrl) : awaitHandshake(url, waitMs)).catch(
    (error: unknown) => {
      refusal = error;
    },
  );
  const facts = { ...(await lookAround()), url: url !== '', running: answer !== undefined };
  switch (strategiesFor(facts)[0]) {
    case 'url':
      if (answer !== undefined) return await found(url, answer, 'named by RABBITMQ_URL');
      throw new NoBrokerError(
        rabbitMqAdvice,
        [`RABBITMQ_URL is ${withoutPassword(url)}: ${reason(refusal)}`],
        {
          cause: refusal,
        },
      );
    case 'running':
      return await found(localUrl, answer!, 'already running');
    default:
      return await started(`RABBITMQ_URL is not set, and ${withoutPassword(localUrl)}: ${reason(refusal)}`);
  }
}

async function found(url: string, answer: Answer, origin: string): Promise<Broker> {
  // The fault tests start brokers of their own beside this one, and report by themselves if they cannot.
  await prepareOwnBroker().catch(() => undefined);
  return { url, description: describe(url, answer, origin), close: () => Promise.resolve() };
}

async function started(whyNotFound: string): Promise<Broker> {
  const own = await startOwnBroker().catch((error: unknown) => {
    throw error instanceof NoBrokerError ? error.after(whyNotFound) : error;
  });
  try {
    const answer = await handshake(own.url);
    return {
      url: own.url,
      description: describe(own.url, answer, own.description),
      close: () => own.close(),
    };
  } catch (error) {
    await own.close();
    throw error;
  }
}

function describe(url: string, { product, version }: Answer, origin: string): string {
  return `${product} ${version} at ${withoutPassword(url)}, ${origin}`;
}

/** Why it failed, for people. Node hides the reason for a refused connection to `localhost` in the errors of its two addresses. */
export function reason(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reason).join('; ');
  return error instanceof Error ? error.message : String(error);
}
