// The context that tests construct adapters with: the machine's clock, no log, and events that the test may listen to.
import { systemClock } from '../../src/clock.ts';
import { silentLog, type Logger } from '../../src/log.ts';
import type { AdapterContext } from '../../src/messaging/adapter.ts';
import type { BrokerEvent } from '../../src/messaging/event.ts';
import { logEvents } from '../../src/service/event-log.ts';
import { ServiceEvents } from '../../src/service/events.ts';

/** A context with some of its parts replaced. */
export function testContext(overrides: Partial<AdapterContext> = {}): AdapterContext {
  return {
    connectionName: 'test@1',
    log: silentLog,
    clock: systemClock,
    emit: () => undefined,
    ...overrides,
  };
}

/** A log and the events that are written to it, as in a host. */
export function loggedContext(log: Logger): Pick<AdapterContext, 'log' | 'emit'> {
  const events = new ServiceEvents();
  logEvents(events, log);
  return { log, emit: (event) => events.emit(event) };
}

/** A listener that keeps the events it is called with. */
export function keepEvents(): {
  readonly emit: (event: BrokerEvent) => void;
  readonly events: readonly BrokerEvent[];
} {
  const events: BrokerEvent[] = [];
  return { emit: (event) => void events.push(event), events };
}
