// A service's life: its start, and events that end it before it has begun. On a queue in memory, or RabbitMQ.
import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { BrokerRefusedError, exitCode } from '../../src/errors.ts';
import type { MessageAdapter } from '../../src/messaging/adapter.ts';
import type { MessageProcessor } from '../../src/processor/processor.ts';
import { logEvents } from '../../src/service/event-log.ts';
import { ServiceEvents } from '../../src/service/events.ts';
import { createMessageService, type MessageServiceOptions } from '../../src/service/message-service.ts';
import { quiet, TestClock } from '../../src/testing/clock.ts';
import { patience, rabbitMqBroker } from './broker.ts';
import { deferred, keepLog, never, overridden, queueOf } from './hosted.ts';
import { memoryWith, queueName } from './memory.ts';

const rabbitMq = rabbitMqBroker();

/** A service that has not been started, and a record of its processor. */
function makeService(
  adapter: MessageAdapter,
  {
    queueName: name = queueName,
    processor,
    ...overrides
  }: Partial<Omit<MessageServiceOptions, 'processor'>> & {
    queueName?: string;
    processor?: MessageProcessor;
  } = {},
) {
  const { log, lines } = keepLog();
  const events: string[] = [];
  const clock = new TestClock();
  const serviceEvents = new ServiceEvents();
  logEvents(serviceEvents, log);
  const instance: MessageProcessor = processor ?? {
    process: () => void events.push('process'),
    start: () => void events.push('start'),
    stop: () => void events.push('stop'),
  };
  const service = createMessageService({
    adapter,
    processor: instance,
    queues: [
      queueOf(name, instance.process.bind(instance), {
        retry: { maxAttempts: 2, initialDelayMs: 1, factor: 1, maxDelayMs: 1 },
      }),
    ],
    shutdownTimeoutMs: 10_000,
    consumeConfig: undefined,
    clock,
    events: serviceEvents,
    processorLog: log,
    ...overrides,
  });
  return { service, clock, lines, events };
}

describe('a service that is stopped', () => {
  it('before it runs keeps no connection, starts no processor, and ends with 0', async () => {
    const { service, events } = makeService(await memoryWith([1]));
    service.stop('the test');
    expect(await service.run()).toBe(exitCode.ok);
    expect(events).toEqual([]);
  });

  it('while it connects starts no processor, even if the connection then succeeds', async () => {
    const connected = deferred();
    const adapter = overridden(await memoryWith([1]), 'connect', () => connected.promise);
    const { service, events } = makeService(adapter);
    const ended = service.run();
    service.stop('the test');
    expect(await ended).toBe(exitCode.ok);
    connected.resolve();
    await quiet();
    expect(events).toEqual([]);
  });

  it('while it subscribes takes no message, and does not receive its requeued ones again and again', async () => {
    const adapter = await memoryWith([1]);
    const [subscribe, stop] = [deferred(), deferred()];
    let handedBack = 0;
    const late: MessageAdapter['consumeMessages'] = async (queue, onDelivery, options) => {
      await subscribe.promise;
      const count: typeof onDelivery = (delivery) => {
        handedBack++;
        onDelivery(delivery);
      };
      return adapter.consumeMessages(queue, count, options);
    };
    const { service, events } = makeService(overridden(adapter, 'consumeMessages', late), {
      processor: { process: () => void events.push('process'), stop: () => stop.promise },
    });
    const ended = service.run();
    await quiet();
    service.stop('the test');
    await quiet();
    subscribe.resolve();
    await quiet();
    stop.resolve();
    expect(await ended).toBe(exitCode.ok);
    expect(events).toEqual([]);
    expect(handedBack).toBeLessThanOrEqual(1);
  });

  it('while it subscribes on RabbitMQ ends soon, and loses nothing', async () => {
    const queue = await rabbitMq.queue();
    await rabbitMq.put(queue, Buffer.from('1'));
    const adapter = rabbitMq.adapter();
    const { service, lines } = makeService(adapter, {
      queueName: queue,
      clock: systemClock,
      processor: {
        process: () => undefined,
        // The subscription follows.
        start: () => void setImmediate(() => service.stop('the test')),
      },
    });
    const startedAt = Date.now();
    expect(await service.run()).toBe(exitCode.ok);
    expect(Date.now() - startedAt).toBeLessThan(3000);
    expect(lines.at(-1)).toMatchObject({ msg: 'stopped' });
    await vi.waitFor(async () => expect(await rabbitMq.count(queue)).toBe(1), patience);
  });
});

describe('a service whose', () => {
  it('broker refuses it ends with 69, and starts no processor', async () => {
    const adapter = overridden(await memoryWith([]), 'connect', () =>
      Promise.reject(new BrokerRefusedError('wrong password')),
    );
    const { service, events, lines } = makeService(adapter);
    expect(await service.run()).toBe(exitCode.brokerRefused);
    expect(events).toEqual([]);
    expect(lines).toMatchObject([{ level: 60, error: { message: 'wrong password' } }, { msg: 'stopped' }]);
  });

  it('processor cannot start ends with 1, and calls its stop', async () => {
    const { service, events } = makeService(await memoryWith([1]), {
      processor: {
        process: () => void events.push('process'),
        start: () => Promise.reject(new Error('no database')),
        stop: () => void events.push('stop'),
      },
    });
    expect(await service.run()).toBe(exitCode.failed);
    expect(events).toEqual(['stop']);
  });

  it('processor throws something unreadable from start ends with 1', async () => {
    const { proxy, revoke } = Proxy.revocable(new Error(), {});
    revoke();
    const { service } = makeService(await memoryWith([]), {
      processor: { process: () => undefined, start: () => Promise.reject(proxy) },
    });
    expect(await service.run()).toBe(exitCode.failed);
  });

  it('processor hangs in start waits 4 s for it once it is stopped, and calls its stop all the same', async () => {
    const { service, clock, events } = makeService(await memoryWith([1]), {
      processor: {
        process: () => void events.push('process'),
        start: () => never,
        stop: () => void events.push('stop'),
      },
    });
    const ended = service.run();
    await quiet();
    service.stop('the test');
    await quiet();
    await clock.advance(3999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(await ended).toBe(exitCode.ok);
    expect(events).toEqual(['stop']);
  });

  it('processor hangs in stop ends 4.5 s later', async () => {
    const { service, clock } = makeService(await memoryWith([]), {
      processor: { process: () => undefined, stop: () => never },
    });
    let code: number | undefined;
    const ended = service.run().then((ending) => (code = ending));
    await quiet();
    service.stop('the test');
    await quiet();
    await clock.advance(4499);
    expect(code).toBeUndefined();
    await clock.advance(1);
    await ended;
    expect(code).toBe(exitCode.ok);
  });

  it('parts hang all at once ends 5 s after the drain: its steps share one limit', async () => {
    const adapter = overridden(await memoryWith([]), 'close', () => never);
    const { service, clock } = makeService(adapter, {
      processor: { process: () => undefined, start: () => never, stop: () => never },
    });
    let code: number | undefined;
    const ended = service.run().then((ending) => (code = ending));
    await quiet();
    service.stop('the test');
    await quiet();
    await clock.advance(4999);
    expect(code).toBeUndefined();
    await clock.advance(1);
    await ended;
    expect(code).toBe(exitCode.ok);
  });
});

describe('the deadline of a drain', () => {
  it('is SHUTDOWN_TIMEOUT after its beginning, to the millisecond', async () => {
    const adapter = await memoryWith([1]);
    const { service, clock } = makeService(adapter, { processor: { process: () => never } });
    let code: number | undefined;
    const ended = service.run().then((ending) => (code = ending));
    await clock.advance(60_000);
    service.stop('the test');
    await quiet();
    await clock.advance(9999);
    expect(code).toBeUndefined();
    await clock.advance(1);
    await ended;
    expect(code).toBe(exitCode.drainTimedOut);
  });

  it('of zero cuts off at once', async () => {
    const { service, clock } = makeService(await memoryWith([1]), {
      processor: { process: () => never },
      shutdownTimeoutMs: 0,
    });
    const ended = service.run();
    await quiet();
    service.stop('the test');
    await quiet();
    await clock.advance(0);
    expect(await ended).toBe(exitCode.drainTimedOut);
  });
});

describe('a service of several queues', () => {
  /** Two queues in memory, with a processor each. */
  async function twoQueues(process: MessageProcessor['process']) {
    const adapter = await memoryWith(['first']);
    await adapter.ensureQueue('mails');
    await adapter.sendMessage('mails', Buffer.from('"second"'));
    const seen: unknown[] = [];
    const made = makeService(adapter, {
      clock: systemClock,
      shutdownTimeoutMs: 50,
      queues: [queueName, 'mails'].map((name) =>
        queueOf(name, (message, context) => {
          seen.push(`${context.queueName} ${String(message)}`);
          return process(message, context);
        }),
      ),
    });
    return { ...made, seen };
  }

  it('gives each message to the processor of its queue', async () => {
    const { service, seen, lines } = await twoQueues(() => undefined);
    const ended = service.run();
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    service.stop('the test');
    expect(await ended).toBe(exitCode.ok);
    expect(seen.sort()).toEqual(['mails second', 'orders first']);
    expect(lines.filter(({ msg }) => String(msg).startsWith('consuming'))).toMatchObject([
      { queue: queueName },
      { queue: 'mails' },
    ]);
    expect(lines.at(-1)).toMatchObject({ msg: 'stopped', done: 2, cutOff: 0 });
  });

  it('drains them together, to one deadline, and requeues the messages of each', async () => {
    const { service, seen, lines } = await twoQueues(() => never);
    const ended = service.run();
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    service.stop('the test');
    expect(await ended).toBe(exitCode.drainTimedOut);
    expect(lines.filter(({ msg }) => msg === 'draining')).toHaveLength(1);
    expect(lines.filter(({ msg }) => msg === 'delivery requeued').map(({ queue }) => queue)).toEqual([
      queueName,
      'mails',
    ]);
    expect(lines.at(-1)).toMatchObject({ msg: 'stopped', requeue: 2, cutOff: 2 });
  });

  it('crashes with one culprit: its message counts as failed, those of other queues are requeued', async () => {
    const both = Promise.withResolvers<undefined>();
    const { service, seen, lines } = await twoQueues(async (message) => {
      await both.promise;
      if (message === 'first') service.crash(new Error('thrown in a timer'));
      return never;
    });
    const ended = service.run();
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    both.resolve(undefined);
    expect(await ended).toBe(exitCode.failed);
    expect(lines.at(-1)).toMatchObject({ msg: 'stopped', retry: 1, requeue: 1 });
  });
});
