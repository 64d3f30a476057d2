// The host's log lines, written by a listener of the service's events. One text per event, the same on every broker;
// `error` is always an object, `reason` is always that of a dead letter, and durations end in `Ms`.
import type { Logger } from '../log.ts';
import type { BrokerEvent } from '../messaging/event.ts';
import { describeBriefly, describeThrown } from '../thrown.ts';
import type {
  DeliveryEnded,
  OccurrenceEnded,
  OccurrenceSkipped,
  ServiceEvent,
  ServiceEvents,
  SkipCause,
  StateChanged,
} from './events.ts';

/**
 * Logs the service's events from now on.
 *
 * @param log the host's own logger
 * @returns a function that ends this
 */
export function logEvents(events: ServiceEvents, log: Logger): () => void {
  return events.listen((event) => write(event, log));
}

function write(event: ServiceEvent, log: Logger): void {
  switch (event.kind) {
    case 'delivery-started':
      return;
    case 'delivery-ended':
      return writeDelivery(event, log);
    case 'delivery-isolated': {
      const { kind: _, ...fields } = event;
      return log.info(fields, 'message was in flight when a host died; runs alone');
    }
    case 'occurrence-ended':
      return writeOccurrence(event, log);
    case 'occurrence-skipped':
      return writeSkip(event, log);
    case 'state-changed':
      return writeState(event, log);
    case 'service-failed': {
      const error = describeThrown(event.thrown);
      if (event.isEnding) return log.error({ error }, 'failed while shutting down');
      const [reason = ''] = error.message.split('\n');
      return log.fatal({ error }, `the service failed: ${reason}; shutting down`);
    }
    case 'service-crashed':
      return log.fatal({ error: describeThrown(event.thrown) }, 'uncaught error; ending at once');
    case 'end-failed': {
      const error = describeThrown(event.thrown);
      if (event.step === 'stop') return log.error({ error }, "the processor's stop() failed");
      return log.warn({ error }, 'the broker connection did not close cleanly');
    }
    case 'consumer-started': {
      const { kind: _, ...fields } = event;
      return log.info(fields, `consuming queue ${event.queue}`);
    }
    case 'count-failed':
      return log.debug(
        { error: describeBriefly(event.thrown) },
        'cannot count the messages of the queue; trying again',
      );
    case 'crash-journal-failed':
      return log.warn(
        { queue: event.queue, error: describeBriefly(event.thrown) },
        'crash journal not written; a crash of this message would not be counted',
      );
    case 'schedule-started': {
      const { kind: _, ...fields } = event;
      return log.info(fields, `running ${event.schedule}; next run at ${event.next}`);
    }
    default:
      return writeBroker(event, log);
  }
}

function writeDelivery(event: DeliveryEnded, log: Logger): void {
  const { outcome } = event;
  // The hot path: make no object for a line that is not written.
  if (event.isSettled && outcome.kind === 'done' && !log.isLevelEnabled('debug')) return;
  const { queue, messageId, attempt, maxAttempts, processMs, settleMs, ageMs, thrown } = event;
  const base = { queue, messageId, attempt, maxAttempts, processMs, settleMs, ageMs };
  const fields = thrown === undefined ? base : { ...base, error: describeThrown(thrown) };
  if (!event.isSettled) {
    return log.warn(
      { ...fields, outcome: outcome.kind },
      'outcome not recorded; the message will be redelivered',
    );
  }
  switch (outcome.kind) {
    case 'done':
      return log.debug(fields, 'delivery done');
    case 'retry':
      return log.warn({ ...fields, delayMs: outcome.delayMs }, 'delivery failed; will be retried');
    case 'dead':
      return log.error({ ...fields, reason: outcome.reason }, 'delivery failed; dead-lettered');
    case 'requeue':
      return log.info(fields, 'delivery requeued');
  }
}

function writeOccurrence(event: OccurrenceEnded, log: Logger): void {
  const { scheduledFor, processMs, latenessMs, outcome, thrown } = event;
  const fields = { scheduledFor, processMs, latenessMs };
  if (outcome === 'done') return log.debug(fields, 'run done');
  log.warn({ ...fields, error: describeThrown(thrown) }, event.isCutOff ? 'run cut off' : 'run failed');
}

const skipCauses: Readonly<Record<Exclude<SkipCause, 'elsewhere'>, string>> = {
  busy: 'the previous run took too long',
  late: 'the clock was set forward, or the machine slept',
  unclaimed: 'it could not be claimed',
  draining: 'the service is stopping',
};

function writeSkip({ scheduledFor, count, cause, thrown }: OccurrenceSkipped, log: Logger): void {
  if (cause === 'elsewhere') return log.debug({ scheduledFor }, 'occurrence belongs to another replica');
  const fields = { scheduledFor, skipped: count, cause: skipCauses[cause] };
  log.warn(
    thrown === undefined ? fields : { ...fields, error: describeBriefly(thrown) },
    'occurrence skipped',
  );
}

function writeState({ state, cause, end }: StateChanged, log: Logger): void {
  if (state === 'draining' && cause !== undefined) log.info({ cause }, 'draining');
  if (end) log.info({ ...end.counts, cutOff: end.cutOff, exitCode: end.exitCode }, 'stopped');
}

/** What is repeated after such a pause, in milliseconds, may be logged each time. */
const rareMs = 10 * 60_000;

/** So many losses in a row, each soon after the one before, are more than a broker's restart. */
const stubbornFailures = 3;

/** Errors of the broker are logged without their stack, which only shows the client library. */
function writeBroker(event: BrokerEvent, log: Logger): void {
  const { kind, ...facts } = event;
  const fields = 'error' in facts ? { ...facts, error: describeBriefly(facts.error) } : facts;
  const [usual, text] = brokerLines[kind];
  log[levelOf(event) ?? usual](
    fields,
    kind === 'broker-connected' && event.isReconnect ? 'reconnected' : text,
  );
}

/** The level of an event that has not always the same; otherwise undefined. */
function levelOf(event: BrokerEvent): 'error' | 'debug' | undefined {
  switch (event.kind) {
    case 'broker-lost':
    case 'consumer-lost':
      return event.failures >= stubbornFailures ? 'error' : undefined;
    case 'copy-held':
      // Once, and then at the longest pauses only.
      return event.refusals > 1 && event.retryInMs < rareMs ? 'debug' : undefined;
    default:
      return undefined;
  }
}

const brokerLines: Readonly<Record<BrokerEvent['kind'], readonly ['info' | 'warn' | 'error', string]>> = {
  'broker-connected': ['info', 'connected'],
  'broker-connect-failed': ['warn', 'cannot connect; trying again'],
  'broker-lost': ['warn', 'connection lost'],
  'broker-blocked': ['warn', 'broker blocks publishers; sends, retries and dead letters wait'],
  'broker-unblocked': ['info', 'broker accepts messages again'],
  'queue-created': ['info', 'queue was missing; created'],
  'consumer-lost': ['warn', 'consumer lost; consuming again'],
  'lease-lost': ['warn', 'lease lost; the message will be redelivered'],
  'lease-renewal-failed': ['warn', 'leases not renewed; trying again'],
  'settle-failed': ['warn', 'outcomes not recorded; trying again'],
  'requeue-failed': ['warn', 'messages not requeued; they will be redelivered once their leases expire'],
  'copy-refused': ['warn', 'copy not confirmed; trying again'],
  'copy-held': ['error', 'message cannot be moved; it stays in its queue'],
  'copy-reduced': ['warn', "copy cannot carry all headers; the sender's left out"],
};
