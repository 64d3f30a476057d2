// The broker for commands that end by themselves: they reach it within seconds or give up, while `run` keeps trying.
import { pino } from 'pino';
import { sleep, systemClock } from '../clock.ts';
import type { MessagingSettings } from '../config/messaging.ts';
import { SvchostError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { MessageAdapter } from '../messaging/adapter.ts';
import { openAdapter } from '../messaging/open.ts';
import type { ServiceDirectory } from '../processor/directory.ts';
import { version } from '../version.ts';

/** How long a command tries to reach the broker, in milliseconds. */
const connectTimeoutMs = 10_000;

/** A broker that is not connected yet. */
export interface ReachableBroker {
  readonly adapter: MessageAdapter;
  /**
   * Connects, or gives up after ten seconds.
   *
   * @throws BrokerRefusedError another attempt cannot help
   * @throws SvchostError the broker could not be reached; says why the last attempt failed
   */
  connect(): Promise<void>;
}

/**
 * Opens the broker of a service for a command.
 *
 * @param command names the connection to the broker's operators
 */
export async function openBroker(
  settings: MessagingSettings,
  service: ServiceDirectory | undefined,
  command: string,
): Promise<ReachableBroker> {
  let lastReason = 'no answer';
  const adapter = await openAdapter(settings, {
    connectionName: `svchost ${command}@${version}${service ? ` (${service.name})` : ''}`,
    log: reasonLog((reason) => (lastReason = reason)),
    clock: systemClock,
  });
  return {
    adapter,
    async connect() {
      const giveUp = new AbortController();
      const expired = sleep(systemClock, connectTimeoutMs, giveUp.signal).then(() => {
        const limit = `within ${connectTimeoutMs / 1000} s`;
        throw new SvchostError(
          'BROKER_UNREACHABLE',
          `cannot reach the broker at ${adapter.address} ${limit}: ${lastReason}`,
        );
      });
      try {
        await Promise.race([adapter.connect(), expired]);
      } finally {
        expired.catch(() => undefined);
        giveUp.abort();
      }
    },
  };
}

/** A logger that writes nothing, but notes why an attempt to connect failed. */
function reasonLog(onReason: (reason: string) => void): Logger {
  const write = (line: string): void => {
    const { reason } = JSON.parse(line) as { reason?: unknown };
    if (typeof reason === 'string') onReason(reason);
  };
  return pino({ level: 'warn' }, { write });
}
