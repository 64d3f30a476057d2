// The events that a service reports on any broker: each outcome, a drain, and changes of the connection.
import { queueOf } from '../../service/hosted.ts';
import { expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { DeadLetterError } from '../../../src/errors.ts';
import type { Delivery, MessageAdapter, Outcome } from '../../../src/messaging/adapter.ts';
import type { MessageProcessor } from '../../../src/processor/processor.ts';
import { silentLog } from '../../../src/log.ts';
import {
  ServiceEvents,
  type DeliveryEnded,
  type ServiceEvent,
  type ServiceListener,
} from '../../../src/service/events.ts';
import { createMessageService } from '../../../src/service/message-service.ts';
import type { Service } from '../../../src/service/service.ts';
import type { Broker } from './broker.ts';
import { itIf } from './harness.ts';
import { overridden } from '../../service/hosted.ts';
import { bytes, consume, done, patience } from './inbox.ts';

/** A service on one queue, and all of its events. */
interface Reporter {
  readonly adapter: MessageAdapter;
  readonly queue: string;
  readonly service: Service;
  readonly told: readonly ServiceEvent[];
  /** Starts the service, and waits until it consumes. */
  readonly run: () => Promise<void>;
  /** The ends of that many deliveries, once they have happened. */
  readonly ended: (count: number) => Promise<DeliveryEnded[]>;
}

interface ReportOptions {
  /** Default: 1. */
  readonly concurrency?: number;
  /** Called with each event before it is recorded. */
  readonly listeners?: readonly ServiceListener[];
  /** The adapter as the service gets it. */
  readonly wrap?: (adapter: MessageAdapter) => MessageAdapter;
}

/** Declares the tests. */
export function describeReporting({ open, harness }: Broker): void {
  const { capabilities } = harness;

  async function report(
    process: MessageProcessor['process'],
    { concurrency = 1, listeners = [], wrap = (adapter) => adapter }: ReportOptions = {},
  ): Promise<Reporter> {
    const events = new ServiceEvents();
    for (const listener of listeners) events.listen(listener);
    const told: ServiceEvent[] = [];
    events.listen((event) => void told.push(event));
    const adapter = await open({ emit: (event) => events.emit(event) });
    const queue = harness.queueName();
    const service = createMessageService({
      adapter: wrap(adapter),
      processor: {},
      queues: [
        queueOf(queue, process, {
          concurrency,
          retry: { maxAttempts: 2, initialDelayMs: 20, factor: 1, maxDelayMs: 20 },
        }),
      ],
      shutdownTimeoutMs: 10_000,
      consumeConfig: undefined,
      clock: systemClock,
      events,
      processorLog: silentLog,
    });
    const ends = () => told.filter((event) => event.kind === 'delivery-ended');
    return {
      adapter,
      queue,
      service,
      told,
      run: async () => {
        const ending = service.run();
        onTestFinished(async () => {
          service.stop('the test is over');
          await ending;
        });
        await vi.waitFor(() => expect(kindsOf(told)).toContain('consumer-started'), patience);
      },
      ended: (count) =>
        vi.waitFor(() => {
          expect(ends()).toHaveLength(count);
          return ends();
        }, patience),
    };
  }

  it('reports the connection, a queue that it has created, and its states', async () => {
    const { run, told, queue, service, adapter } = await report(() => undefined);
    await run();
    service.stop('the test');
    await vi.waitFor(() => expect(told.at(-1)).toMatchObject({ state: 'stopped' }), patience);
    expect(told.find(({ kind }) => kind === 'broker-connected')).toMatchObject({ isReconnect: false });
    expect(told).toContainEqual({ kind: 'queue-created', queue });
    const { address: broker } = adapter;
    expect(told).toContainEqual({ kind: 'consumer-started', queue, concurrency: 1, broker });
    const states = told.flatMap((event) => (event.kind === 'state-changed' ? [event.state] : []));
    expect(states).toEqual(['connecting', 'starting', 'running', 'draining', 'stopped']);
  });

  it('reports a message that is done, with its result', async () => {
    const { run, told, queue, adapter, ended } = await report(() => Promise.resolve({ price: 7 }));
    await run();
    await adapter.sendMessage(queue, bytes('1'), { messageId: 'id-7' });
    const [end] = await ended(1);
    expect(end).toMatchObject({
      queue,
      messageId: 'id-7',
      attempt: 1,
      maxAttempts: 2,
      outcome: { kind: 'done', result: { price: 7 } },
      isSettled: true,
      hasStarted: true,
      thrown: undefined,
    });
    for (const ms of [end!.processMs, end!.settleMs, end!.ageMs]) expect(ms).toBeGreaterThanOrEqual(0);
    expect(told.filter(({ kind }) => kind === 'delivery-started')).toMatchObject([
      { queue, messageId: 'id-7', attempt: 1 },
    ]);
    // Settled before it is reported.
    await vi.waitFor(async () => expect(await adapter.countMessages(queue, [20])).toBe(0), patience);
  });

  it('reports a retry, and the dead letter that follows', async () => {
    const failure = new RangeError('no such order');
    const { run, queue, adapter, ended } = await report(() => Promise.reject(failure));
    await run();
    await adapter.sendMessage(queue, bytes('1'));
    const [first, second] = await ended(2);
    expect(first).toMatchObject({
      attempt: 1,
      outcome: { kind: 'retry', delayMs: 20, error: { name: 'RangeError', message: 'no such order' } },
      isSettled: true,
      thrown: failure,
    });
    expect(second).toMatchObject({
      attempt: 2,
      outcome: { kind: 'dead', reason: 'failed' },
      isSettled: true,
      thrown: failure,
    });
  });

  it.each<[string, string, Outcome]>([
    [
      'a body that is not JSON',
      '{',
      { kind: 'dead', reason: 'undecodable', error: expect.anything() as never },
    ],
    [
      'a message that is rejected',
      '1',
      { kind: 'dead', reason: 'rejected', error: expect.anything() as never },
    ],
  ])('reports %s', async (_name, body, outcome) => {
    const { run, queue, adapter, ended } = await report(() => {
      throw new DeadLetterError('never');
    });
    await run();
    await adapter.sendMessage(queue, bytes(body));
    expect(await ended(1)).toMatchObject([{ attempt: 1, outcome, isSettled: true }]);
  });

  it('reports deliveries that a drain requeues, including those that it cuts off', async () => {
    const never = new Promise<never>(() => undefined);
    const { run, queue, adapter, ended, service, told } = await report(() => never, { concurrency: 2 });
    await run();
    for (const body of ['1', '2']) await adapter.sendMessage(queue, bytes(body));
    await vi.waitFor(
      () => expect(told.filter(({ kind }) => kind === 'delivery-started')).toHaveLength(2),
      patience,
    );
    service.crash(new Error('so that the drain does not wait'));
    expect(await ended(2)).toMatchObject([
      { outcome: { kind: 'requeue' }, isSettled: true, hasStarted: true },
      { outcome: { kind: 'requeue' }, isSettled: true, hasStarted: true },
    ]);
  });

  it('reports a delivery that a drain requeues before it has started', async () => {
    const arrived: (() => void)[] = [];
    const { run, queue, adapter, ended, service } = await report(() => undefined, {
      // A delivery that is still on its way when the drain begins.
      wrap: (adapter) =>
        overridden(adapter, 'consumeMessages', ((name, onDelivery, options) => {
          const hold = (delivery: Delivery) => void arrived.push(() => onDelivery(delivery));
          return adapter.consumeMessages(name, hold, options);
        }) satisfies MessageAdapter['consumeMessages']),
      listeners: [
        (event) => {
          if (event.kind === 'state-changed' && event.state === 'draining')
            queueMicrotask(() => arrived.forEach((deliver) => deliver()));
        },
      ],
    });
    await run();
    await adapter.sendMessage(queue, bytes('1'), { messageId: 'id-7' });
    await vi.waitFor(() => expect(arrived).toHaveLength(1), patience);
    service.stop('the test');
    expect(await ended(1)).toMatchObject([
      { messageId: 'id-7', outcome: { kind: 'requeue' }, isSettled: true, hasStarted: false, processMs: 0 },
    ]);
  });

  it('is neither broken nor held up by listeners that throw, reject, block or never resolve', async () => {
    const never = new Promise<never>(() => undefined);
    const { run, queue, adapter, ended } = await report(
      (message, { attempt }) => {
        if (message === 'retry' && attempt === 1) throw new Error('once');
        if (message === 'dead') throw new DeadLetterError('never');
      },
      {
        listeners: [
          () => {
            throw new Error('broken');
          },
          () => Promise.reject(new Error('broken')),
          () => never,
          () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3),
        ],
      },
    );
    await run();
    for (const message of ['done', 'retry', 'dead'])
      await adapter.sendMessage(queue, bytes(JSON.stringify(message)), { messageId: message });
    const ends = (await ended(4)).map(
      ({ messageId, attempt, outcome, isSettled }) => `${messageId} ${attempt} ${outcome.kind} ${isSettled}`,
    );
    expect(ends.sort()).toEqual([
      'dead 1 dead true',
      'done 1 done true',
      'retry 1 retry true',
      'retry 2 done true',
    ]);
    await vi.waitFor(async () => expect(await adapter.countMessages(queue, [20])).toBe(0), patience);
  });

  // A broker that counts deliveries only may accept an outcome from the previous receiver.
  itIf(!harness.isPrivate && !capabilities.countsEveryDelivery)(
    'reports that an outcome was not recorded after the delivery was lost',
    async () => {
      const gate = Promise.withResolvers<undefined>();
      const { run, queue, adapter, ended, told } = await report((_message, { redelivered }) =>
        redelivered ? undefined : gate.promise,
      );
      await run();
      await adapter.sendMessage(queue, bytes('"lost"'));
      const starts = () => told.filter(({ kind }) => kind === 'delivery-started').length;
      await vi.waitFor(() => expect(starts()).toBe(1), patience);
      await harness.crash(adapter);
      const other = await open();
      const rescue = await consume(other, queue, 1, () => done);
      // It is redelivered, here or elsewhere; here it waits for a free slot.
      gate.resolve(undefined);
      const [first] = await vi.waitFor(async () => {
        expect(starts() + rescue.deliveries.length).toBe(2);
        return await ended(starts());
      }, patience);
      expect(first).toMatchObject({ outcome: { kind: 'done' }, isSettled: false });
    },
  );
}

function kindsOf(events: readonly ServiceEvent[]): string[] {
  return events.map(({ kind }) => kind);
}
