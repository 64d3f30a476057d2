// Deliveries in flight: their number, and how a drain and a failing broker end them. On a queue in memory.
import { describe, expect, it, vi } from 'vitest';
import { BrokerRefusedError, exitCode } from '../../../src/errors.ts';
import type {
  Consumer,
  ConsumeOptions,
  Delivery,
  MessageAdapter,
  Outcome,
} from '../../../src/messaging/adapter.ts';
import { patience } from '../broker.ts';
import { deferred, host, overridden } from '../hosted.ts';
import { memoryWith, queueName } from '../memory.ts';

describe('a service', () => {
  it.for([1, 3, 50])('processes %i at once, and never more', async (concurrency) => {
    const adapter = await memoryWith(Array.from({ length: 200 }, (_, index) => index));
    let [running, most] = [0, 0];
    const service = await host(
      adapter,
      queueName,
      async () => {
        running++;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
      },
      { concurrency },
    );
    await service.settled(200);
    expect(most).toBe(concurrency);
  });

  it('processes in the order of the queue at concurrency 1', async () => {
    const messages = Array.from({ length: 100 }, (_, index) => index);
    const service = await host(await memoryWith(messages), queueName, async (message) => {
      // The first are the slowest.
      for (let turns = 100 - Number(message); turns > 0; turns--) await Promise.resolve();
    });
    await service.settled(100);
    expect(service.calls.map(({ message }) => message)).toEqual(messages);
  });

  it('starts nothing after a drain has begun, and waits for work in flight', async () => {
    const adapter = await memoryWith([0, 1, 2]);
    const work = deferred();
    const service = await host(adapter, queueName, () => work.promise, { concurrency: 2 });
    await service.called(2);
    const ended = service.stop();
    work.resolve();
    expect(await ended).toBe(exitCode.ok);
    expect(service.calls).toHaveLength(2);
  });

  it('can be stopped twice, and stopped while it ends', async () => {
    const service = await host(await memoryWith([]), queueName, () => undefined);
    expect(await Promise.all([service.stop(), service.stop()])).toEqual([exitCode.ok, exitCode.ok]);
    expect(await service.stop()).toBe(exitCode.ok);
    expect(service.lines.filter(({ msg }) => msg === 'draining')).toHaveLength(1);
  });

  it('ends with the exit code of the error when the broker refuses an outcome for good', async () => {
    const adapter = refusing(await memoryWith([0, 1]), 'retry');
    const service = await host(
      adapter,
      queueName,
      (message) => {
        if (message === 1) throw new Error('no');
      },
      { concurrency: 1 },
    );
    expect(await service.ended).toBe(exitCode.brokerRefused);
    expect(service.lines.filter(({ msg }) => String(msg).startsWith('the service failed: '))).toMatchObject([
      { level: 60, error: { message: 'no rights' } },
    ]);
  });

  it('reports it when the broker refuses an outcome during the drain', async () => {
    const adapter = refusing(await memoryWith([0]), 'done');
    const work = deferred();
    const service = await host(adapter, queueName, () => work.promise);
    await service.called(1);
    const ended = service.stop();
    work.resolve();
    await ended;
    expect(service.lines.filter(({ msg }) => msg === 'failed while shutting down')).toMatchObject([
      { level: 50, error: { message: 'no rights' } },
    ]);
  });
});

it('does not start a delivery whose lease is lost while it waits for a slot; it is redelivered', async () => {
  const lost = new AbortController();
  const waiting: Delivery[] = [];
  const adapter = handingOut(await memoryWith([0, 1]), 2, (delivery) => {
    waiting.push(delivery);
    return waiting.length === 2 ? overridden(delivery, 'lost', lost.signal) : delivery;
  });
  const work = deferred();
  const service = await host(adapter, queueName, () => work.promise, { concurrency: 1 });
  await service.called(1);
  await vi.waitFor(() => expect(waiting).toHaveLength(2), patience);
  lost.abort(new Error('lease lost'));
  work.resolve();
  await service.settled(2);
  await service.stop();
  expect(waiting).toHaveLength(3);
  expect(service.calls.map(({ message }) => message)).toEqual([0, 1]);
});

/** A broker that no longer permits one kind of outcome. */
function refusing(adapter: MessageAdapter, kind: Outcome['kind']): MessageAdapter {
  return handingOut(adapter, undefined, (delivery) =>
    overridden(delivery, 'settle', (outcome: Outcome) =>
      outcome.kind === kind ? Promise.reject(new BrokerRefusedError('no rights')) : delivery.settle(outcome),
    ),
  );
}

/** A broker whose deliveries are changed on their way to the consumer, `concurrency` at once. */
function handingOut(
  adapter: MessageAdapter,
  concurrency: number | undefined,
  change: (delivery: Delivery) => Delivery,
): MessageAdapter {
  const consumeMessages = (
    queue: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions,
  ): Promise<Consumer> =>
    adapter.consumeMessages(queue, (delivery) => onDelivery(change(delivery)), {
      ...options,
      concurrency: concurrency ?? options.concurrency,
    });
  return overridden(adapter, 'consumeMessages', consumeMessages);
}
