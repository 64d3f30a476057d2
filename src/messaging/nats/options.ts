// The settings of NatsConnection, and how its connection and leases are timed. Pure.
import type { NatsSettings } from '../../config/broker/nats.ts';

/** The settings of a NATS connection and of the queues that it creates. */
export interface NatsOptions extends Omit<NatsSettings, 'type'> {
  /** The time between pings, in milliseconds; the connection is lost after two without an answer. Default: 10 s. */
  readonly pingIntervalMs?: number;
}

/** Default of {@link NatsOptions.pingIntervalMs}. */
export const defaultPingIntervalMs = 10_000;

/** How long the server may take to accept a connection, in milliseconds. */
export const connectTimeoutMs = 10_000;

/** How long the server may take to answer a request or to confirm a message, in milliseconds. */
export const requestTimeoutMs = 5_000;

/** How long the server may take to answer a close or a requeue at the end, in milliseconds. */
export const goodbyeMs = 5_000;

/** The address for people, without secrets. */
export function describeAddress({ servers, tls, username }: NatsOptions): string {
  const user = username === undefined ? '' : `${encodeURIComponent(username)}:***@`;
  return `${tls ? 'tls' : 'nats'}://${user}${servers.join(',')}`;
}
