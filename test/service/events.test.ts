// The event seam: which listeners are called, and that none can break or delay the service.
import { expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { exitCode } from '../../src/errors.ts';
import { logEvents } from '../../src/service/event-log.ts';
import { ServiceEvents, type ServiceEvent, type ServiceListener } from '../../src/service/events.ts';
import { createMessageService } from '../../src/service/message-service.ts';
import { keepLog, queueOf } from './hosted.ts';
import { memoryWith, queueName } from './memory.ts';

const event: ServiceEvent = { kind: 'broker-unblocked', broker: 'test' };

it('calls every listener, in the order in which they were added, until they are removed', () => {
  const events = new ServiceEvents();
  const seen: string[] = [];
  const leave = events.listen(() => void seen.push('first'));
  events.listen(({ kind }) => void seen.push(kind));
  events.emit(event);
  leave();
  events.emit(event);
  expect(seen).toEqual(['first', 'broker-unblocked', 'broker-unblocked']);
});

it.for<[string, ServiceListener]>([
  [
    'throws',
    () => {
      throw new Error('broken');
    },
  ],
  ['rejects', () => Promise.reject(new Error('broken'))],
])('reports a listener that %s, once, and calls the others', async ([, broken]) => {
  const faults: unknown[] = [];
  const events = new ServiceEvents((thrown) => faults.push(thrown));
  const seen: string[] = [];
  events.listen(broken);
  events.listen(({ kind }) => void seen.push(kind));
  events.emit(event);
  events.emit(event);
  await vi.waitFor(() => expect(faults).toMatchObject([{ message: 'broken' }]));
  expect(seen).toHaveLength(2);
});

/** The deliveries of ten messages in a service with these listeners; one is retried and one is dead. */
async function workOff(...listeners: ServiceListener[]) {
  const { log, lines } = keepLog('info');
  const events = new ServiceEvents();
  for (const listener of listeners) events.listen(listener);
  logEvents(events, log);
  const outcomes: string[] = [];
  events.listen((told) => {
    if (told.kind === 'delivery-ended')
      outcomes.push(`${told.messageId} ${told.attempt} ${told.outcome.kind}`);
  });
  const adapter = await memoryWith([]);
  for (let id = 0; id < 10; id++)
    await adapter.sendMessage(queueName, Buffer.from(String(id)), { messageId: `${id}` });
  const service = createMessageService({
    adapter,
    processor: {},
    queues: [
      queueOf(
        queueName,
        (message, { attempt }) => {
          if (message === 7 || (message === 3 && attempt === 1)) throw new Error('no');
        },
        { retry: { maxAttempts: 2, initialDelayMs: 1, factor: 1, maxDelayMs: 1 } },
      ),
    ],
    shutdownTimeoutMs: 1000,
    consumeConfig: undefined,
    clock: systemClock,
    events,
    processorLog: log,
  });
  const ended = service.run();
  await vi.waitFor(() => expect(outcomes).toHaveLength(12));
  service.stop('the test');
  const stopped = await ended;
  return { outcomes: outcomes.sort(), stopped, lines: lines.map(({ msg }) => msg).sort() };
}

it('changes nothing of a service, whatever its listeners do', async () => {
  const undisturbed = await workOff();
  expect(undisturbed.stopped).toBe(exitCode.ok);
  expect(undisturbed.outcomes).toContain('7 2 dead');
  const never = new Promise<never>(() => undefined);
  const disturbed = await workOff(
    () => {
      throw new Error('broken');
    },
    () => Promise.reject(new Error('broken')),
    () => never,
  );
  expect(disturbed.stopped).toBe(exitCode.ok);
  expect(disturbed.outcomes).toEqual(undisturbed.outcomes);
  expect(disturbed.lines).toEqual(undisturbed.lines);
});
