// The context of a message, through the whole pipeline, on real RabbitMQ and on the embedded queue.
import { describe, expect, it } from 'vitest';
import { UnroutableError } from '../../../src/errors.ts';
import { deadLetters, expectEmpty, json, queueWith, rabbitMqBroker, sqliteBroker } from '../broker.ts';
import { host } from '../hosted.ts';

const brokers = [rabbitMqBroker(), sqliteBroker()];

describe.for(brokers)('on $name, the context', (broker) => {
  it('contains the message, its queue, headers, attempt and time', async () => {
    const queue = await broker.queue();
    const adapter = broker.adapter();
    await adapter.connect();
    const sentAt = Date.now();
    await adapter.sendMessage(queue, json({ id: 1 }), { messageId: 'order-1', headers: { tenant: 'a' } });
    const service = await host(adapter, queue, () => undefined);
    await service.settled(1);
    const { context } = service.calls[0]!;
    expect(context).toMatchObject({
      messageId: 'order-1',
      queueName: queue,
      attempt: 1,
      maxAttempts: 3,
      headers: { tenant: 'a' },
    });
    expect(context.signal.aborted).toBe(false);
    // RabbitMQ keeps whole seconds.
    expect(Math.abs(context.enqueuedAt!.getTime() - sentAt)).toBeLessThan(2000);
  });

  it('keeps id, headers and time through the attempts', async () => {
    const queue = await broker.queue();
    const adapter = broker.adapter();
    await adapter.connect();
    await adapter.sendMessage(queue, json(1), { headers: { tenant: 'a' } });
    const service = await host(adapter, queue, () => Promise.reject(new Error('no')));
    await deadLetters(broker, queue, 1);
    const [first, ...others] = service.calls.map(({ context }) => context);
    expect(others).toHaveLength(2);
    for (const context of others) {
      expect(context.messageId).toBe(first!.messageId);
      expect(context.headers).toMatchObject({ tenant: 'a' });
      expect(context.enqueuedAt).toEqual(first!.enqueuedAt);
    }
  });

  it("has the processor's logger, whose lines carry the service's name, the message and the attempt", async () => {
    const queue = await queueWith(broker, 1);
    const service = await host(broker.adapter(), queue, (_message, { log, attempt }) => {
      log.info({ order: 7 }, 'working');
      if (attempt === 1) throw new Error('once');
    });
    await service.settled(2);
    const { messageId } = service.calls[0]!.context;
    expect(service.lines.filter(({ msg }) => msg === 'working')).toMatchObject([
      { name: 'shop', messageId, attempt: 1, order: 7, level: 30 },
      { name: 'shop', messageId, attempt: 2, order: 7, level: 30 },
    ]);
  });

  it('sends messages to other queues, and names a queue that does not exist', async () => {
    const queue = await queueWith(broker, { order: 2 });
    const target = await broker.queue();
    const failures: unknown[] = [];
    const sending = await host(broker.adapter(), queue, async (message, context) => {
      await context.send(target, { copyOf: message, text: 'ü' });
      await context.send(`${queue}-nobody`, 1).catch((error: unknown) => failures.push(error));
      await context.send(target, undefined).catch((error: unknown) => failures.push(error));
    });
    await sending.settled(1);
    await sending.stop();
    expect(failures).toMatchObject([{ code: 'UNROUTABLE', queueName: `${queue}-nobody` }, {}]);
    expect(failures[0]).toBeInstanceOf(UnroutableError);
    expect(failures[1]).toBeInstanceOf(TypeError);
    const reader = await host(broker.adapter(), target, () => undefined);
    await reader.settled(1);
    await reader.stop();
    expect(reader.calls.map(({ message }) => message)).toEqual([{ copyOf: { order: 2 }, text: 'ü' }]);
    await expectEmpty(broker, queue);
    await expectEmpty(broker, target);
  });
});
