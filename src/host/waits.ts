// Announces what a service waits for: its broker, its processor's start, the end of its work.
import type { ServiceEvent, ServiceEvents } from '../service/events.ts';
import { announce } from '../waiting.ts';

/**
 * Announces the service's waits from now on.
 *
 * @param address the broker's, without secrets; undefined if the service uses none
 * @param inFlight how many messages or runs are in flight
 */
export function announceWaits(
  events: ServiceEvents,
  { address, inFlight }: { readonly address: string | undefined; readonly inFlight: () => number },
): void {
  let end: () => void = () => undefined;
  let trouble = '';
  events.listen((event) => {
    trouble = troubleOf(event) ?? trouble;
    if (event.kind !== 'state-changed') return;
    end();
    trouble = '';
    switch (event.state) {
      case 'connecting':
        end = announce(() => `the broker${address === undefined ? '' : ` at ${address}`}${trouble}`);
        break;
      case 'starting':
        end = announce(() => "the processor's start()");
        break;
      case 'draining':
        end = announce(() => `${inFlight()} in flight to end${trouble}`);
        break;
      case 'running':
      case 'stopped':
    }
  });
}

function troubleOf(event: ServiceEvent): string | undefined {
  switch (event.kind) {
    case 'broker-connect-failed':
    case 'broker-blocked':
    case 'broker-lost':
      return `: ${event.error.message}`;
    default:
      return undefined;
  }
}
