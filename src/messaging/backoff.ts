// The pause before a failed operation on a connection, channel or file is tried again. Pure. For the delays of message
// retries see service/delivery/retry.ts.

const firstMs = 100;
const longestMs = 30_000;

/**
 * The pause after `failures` failures in a row, in milliseconds: 100 ms, doubled each time up to 30 s, and varied by
 * 10% either way, so that the hosts of a fleet do not reconnect at the same instant.
 */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const base = Math.min(longestMs, firstMs * 2 ** Math.max(0, failures - 1));
  return Math.round(base * (0.9 + random() * 0.2));
}
