// The broker for commands that end by themselves: they reach it within seconds or give up, while `run` keeps trying.
import { sleep, systemClock } from '../clock.ts';
import type { MessagingSettings } from '../config/brokers.ts';
import { UnreachableError } from '../errors.ts';
import { silentLog } from '../log.ts';
import type { MessageAdapter } from '../messaging/adapter.ts';
import type { BrokerEvent } from '../messaging/event.ts';
import { openAdapter } from '../messaging/open.ts';
import type { ServiceDirectory } from '../processor/directory.ts';
import { version } from '../version.ts';
import { announced } from '../waiting.ts';

/** How long a command tries to reach the broker, in milliseconds. */
const connectTimeoutMs = 10_000;

/** A broker that is not connected yet. */
export interface ReachableBroker {
  readonly adapter: MessageAdapter;
  /** Awaits work with the broker, and announces the wait with the broker's own words, if it has any. */
  await<T>(what: string, work: Promise<T>): Promise<T>;
  /**
   * Connects, or gives up after ten seconds.
   *
   * @throws BrokerRefusedError the broker refused us for good; another attempt cannot help
   * @throws UnreachableError the broker could not be reached; says why the last attempt failed
   */
  connect(): Promise<void>;
}

/**
 * Opens the broker of a service for a command.
 *
 * @param command part of the connection's name, which the broker's operators see
 */
export async function openBroker(
  settings: MessagingSettings,
  service: ServiceDirectory | undefined,
  command: string,
): Promise<ReachableBroker> {
  let lastReason = 'no answer';
  let trouble = '';
  const adapter = await openAdapter(settings, {
    connectionName: `svchost ${command}@${version}${service ? ` (${service.name})` : ''}`,
    log: silentLog,
    clock: systemClock,
    emit: (event) => {
      if (event.kind === 'broker-connect-failed') lastReason = event.error.message;
      if (event.kind === 'broker-unblocked' || event.kind === 'broker-connected') trouble = '';
      else if ('error' in event) trouble = `: ${describeTrouble(event)}`;
    },
  });
  const awaitBroker = async <T>(what: string, work: Promise<T>) =>
    await announced(() => `${adapter.address} ${what}${trouble}`, work);
  return {
    adapter,
    await: awaitBroker,
    async connect() {
      const giveUp = new AbortController();
      const expired = sleep(systemClock, connectTimeoutMs, giveUp.signal).then(() => {
        throw new UnreachableError(adapter.address, connectTimeoutMs, lastReason);
      });
      try {
        await awaitBroker('to answer', Promise.race([adapter.connect(), expired]));
      } finally {
        expired.catch(() => undefined);
        giveUp.abort();
      }
    },
  };
}

/** An event with an error, in words. */
function describeTrouble(event: Extract<BrokerEvent, { readonly error: Error }>): string {
  const { message } = event.error;
  return event.kind === 'broker-blocked' ? `it accepts no messages for now (${message})` : message;
}
