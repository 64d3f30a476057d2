// The host's log lines: one for each event, with the same fields and types on every broker.
import { describe, expect, it } from 'vitest';
import type { BrokerEvent } from '../../src/messaging/event.ts';
import { logEvents } from '../../src/service/event-log.ts';
import { ServiceEvents, type DeliveryEnded, type ServiceEvent } from '../../src/service/events.ts';
import { keepLog, type LogLine } from './hosted.ts';

function linesOf(event: ServiceEvent, level = 'trace'): LogLine[] {
  const { log, lines } = keepLog(level);
  const events = new ServiceEvents();
  logEvents(events, log);
  events.emit(event);
  return lines.map(({ time: _, ...line }) => line);
}

const ended: DeliveryEnded = {
  kind: 'delivery-ended',
  queue: 'orders',
  messageId: 'id-1',
  attempt: 2,
  maxAttempts: 3,
  outcome: { kind: 'done' },
  isSettled: true,
  hasStarted: true,
  processMs: 5,
  settleMs: 1,
  ageMs: 70,
  thrown: undefined,
};
const facts = {
  queue: 'orders',
  messageId: 'id-1',
  attempt: 2,
  maxAttempts: 3,
  processMs: 5,
  settleMs: 1,
  ageMs: 70,
};
const thrown = new TypeError('no such order');
const failure = { name: 'TypeError', message: 'no such order' };

describe('a delivery that ended', () => {
  it.for<[string, Partial<DeliveryEnded>, object]>([
    ['done, at debug', {}, { level: 20, msg: 'delivery done' }],
    [
      'to be retried, as a warning',
      { outcome: { kind: 'retry', delayMs: 1000, error: failure }, thrown },
      { level: 40, msg: 'delivery failed; will be retried', delayMs: 1000, error: failure },
    ],
    [
      'dead, as an error with the reason',
      { outcome: { kind: 'dead', reason: 'failed', error: failure }, thrown },
      { level: 50, msg: 'delivery failed; dead-lettered', reason: 'failed', error: failure },
    ],
    ['requeued', { outcome: { kind: 'requeue' } }, { level: 30, msg: 'delivery requeued' }],
    [
      'with an outcome that was not recorded',
      { isSettled: false },
      { level: 40, msg: 'outcome not recorded; the message will be redelivered', outcome: 'done' },
    ],
  ])('%s, has all its facts in one line', ([, change, expected]) => {
    expect(linesOf({ ...ended, ...change })).toMatchObject([{ ...facts, ...expected }]);
  });

  it('done is not written at info', () => {
    expect(linesOf(ended, 'info')).toEqual([]);
  });

  it('has the stack of the thrown error', () => {
    const [line] = linesOf({ ...ended, outcome: { kind: 'retry', delayMs: 1, error: failure }, thrown });
    expect(line).toMatchObject({ error: { stack: expect.stringContaining('event-log.test.ts') as unknown } });
  });
});

const error = new Error('ECONNRESET');
const [broker, queue] = ['localhost:5672', 'orders'];

/** One of each kind; the compiler reports missing ones. */
const brokerEvents: { readonly [Kind in BrokerEvent['kind']]: Extract<BrokerEvent, { kind: Kind }> } = {
  'broker-connected': { kind: 'broker-connected', broker, isReconnect: false },
  'broker-connect-failed': { kind: 'broker-connect-failed', broker, error },
  'broker-lost': { kind: 'broker-lost', broker, failures: 1, error },
  'broker-blocked': { kind: 'broker-blocked', broker, error },
  'broker-unblocked': { kind: 'broker-unblocked', broker },
  'queue-created': { kind: 'queue-created', queue },
  'consumer-lost': { kind: 'consumer-lost', queue, failures: 1, error },
  'lease-lost': { kind: 'lease-lost', queue, messageId: 'id-1', error },
  'lease-renewal-failed': { kind: 'lease-renewal-failed', queue, leases: 2, error },
  'settle-failed': { kind: 'settle-failed', queue, deliveries: 2, error },
  'requeue-failed': { kind: 'requeue-failed', queue, deliveries: 2, error },
  'copy-refused': {
    kind: 'copy-refused',
    queue,
    target: 'orders_dead',
    messageId: 'id-1',
    failures: 1,
    error,
  },
  'copy-held': {
    kind: 'copy-held',
    queue,
    target: 'orders_dead',
    messageId: 'id-1',
    refusals: 2,
    retryInMs: 900_000,
    error,
  },
  'copy-reduced': { kind: 'copy-reduced', queue, target: 'orders_dead', messageId: 'id-1', error },
};

describe('an event of a broker', () => {
  it.for(Object.values(brokerEvents))('$kind is one line, with its facts as fields', (event) => {
    const { kind: _, ...fields } = event;
    const [line, ...others] = linesOf(event);
    expect(others).toEqual([]);
    const shown = 'error' in fields ? { ...fields, error: { name: 'Error', message: 'ECONNRESET' } } : fields;
    expect(line).toEqual({ ...shown, level: line!['level'], msg: expect.any(String) as unknown });
    expect([30, 40, 50]).toContain(line!['level']);
  });

  it('a message that cannot be moved is an error once, and then only at long intervals', () => {
    const lines = [1_000, 2_000, 4_000, 900_000, 900_000].map((retryInMs, index) =>
      linesOf({ ...brokerEvents['copy-held'], refusals: index + 1, retryInMs }, 'info'),
    );
    expect(lines.map(([line]) => line?.['level'])).toEqual([50, undefined, undefined, 50, 50]);
  });

  it.for(['broker-lost', 'consumer-lost'] as const)(
    '%s is an error from the third loss in a row on',
    (kind) => {
      const levels = [1, 2, 3, 9].map(
        (failures) => linesOf({ ...brokerEvents[kind], failures })[0]?.['level'],
      );
      expect(levels).toEqual([40, 40, 50, 50]);
    },
  );

  it('a connection that has recovered is reported', () => {
    expect(linesOf({ kind: 'broker-connected', broker, isReconnect: true })).toMatchObject([
      { msg: 'reconnected' },
    ]);
  });
});

it.for<[string, ServiceEvent, object]>([
  [
    'a drain has its reason',
    { kind: 'state-changed', state: 'draining', cause: 'SIGTERM' },
    { msg: 'draining', cause: 'SIGTERM' },
  ],
  [
    'the end has the counts',
    { kind: 'state-changed', state: 'stopped', end: { exitCode: 0, cutOff: 1, counts: { done: 3 } } },
    { msg: 'stopped', done: 3, cutOff: 1, exitCode: 0 },
  ],
  [
    'a skipped occurrence has its reason, and the thrown error',
    { kind: 'occurrence-skipped', scheduledFor: new Date(0), count: 1, cause: 'unclaimed', thrown: error },
    {
      msg: 'occurrence skipped',
      cause: 'it could not be claimed',
      skipped: 1,
      error: { name: 'Error', message: 'ECONNRESET' },
    },
  ],
])('%s', ([, event, expected]) => {
  expect(linesOf(event)).toMatchObject([expected]);
});
