// The pause before the next try of a failed operation on a connection, channel or file. Pure. Retries of messages have
// delays of their own (service/delivery/retry.ts).

const firstMs = 100;
const longestMs = 30_000;

/**
 * The pause after so many failures in a row, in milliseconds: doubled each time up to 30 s, and spread by a fifth so
 * that the hosts of a fleet do not come back at the same instant.
 */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const base = Math.min(longestMs, firstMs * 2 ** Math.max(0, failures - 1));
  return Math.round(base * (0.9 + random() * 0.2));
}
