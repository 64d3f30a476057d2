// The end of a host process: signals, the drain and its deadline, and the processor's start and stop.
import { describe, expect, it, vi } from 'vitest';
import { freePort } from '../support/port.ts';
import { startRelay } from '../support/tcp-relay.ts';
import { expectEmpty, patience, rabbitMqBroker, sqliteBroker, type TestBroker } from './broker.ts';
import { begun, linesOf, makeService, ordersOf } from './service-directory.ts';

const rabbitMq = rabbitMqBroker();
const sqlite = sqliteBroker();

describe.for([rabbitMq, sqlite])('a host on $name', (broker) => {
  it.for(['SIGTERM', 'SIGINT'] as const)(
    'finishes messages in flight on %s, requeues the rest in order, and ends with 0',
    async (signal) => {
      const service = await makeService(broker);
      const gate = service.gate();
      await service.put({ act: 'wait', id: '1', gate }, { act: 'note', id: '2' }, { act: 'note', id: '3' });
      const host = await service.startConsuming();
      await begun(host, '1');
      host.signal(signal);
      await host.waitForLine('draining');
      await service.open(gate);
      expect(await host.exited).toEqual({ code: 0, signal: null });
      expect(ordersOf(host, 'begun')).toEqual(['1']);
      expect(ordersOf(host, 'finished')).toEqual(['1']);
      expect(linesOf(host, 'stopped')).toMatchObject([{ done: 1, requeue: 0, cutOff: 0 }]);
      await expectWaiting(broker, service.queue, ['2', '3']);
    },
  );

  it('cuts off work that outlasts SHUTDOWN_TIMEOUT, requeues it, and ends with 75', async () => {
    const service = await makeService(broker);
    const gate = service.gate();
    await service.put({ act: 'hang', id: '1' }, { act: 'wait', id: '2', gate }, { act: 'note', id: '3' });
    const host = await service.startConsuming({ CONCURRENCY: '2', SHUTDOWN_TIMEOUT: '0.5' });
    await begun(host, '1');
    await begun(host, '2');
    host.signal('SIGTERM');
    await host.waitForLine('draining');
    await service.open(gate);
    expect(await host.exited).toEqual({ code: 75, signal: null });
    expect(ordersOf(host, 'finished')).toEqual(['2']);
    expect(ordersOf(host, 'aborted')).toEqual(['1']);
    expect(linesOf(host, 'stopped')).toMatchObject([{ done: 1, requeue: 1, cutOff: 1 }]);
    await expectWaiting(broker, service.queue, ['1', '3']);
  });

  it('ends at once on a second signal, with 128 + its number, and loses nothing', async () => {
    const service = await makeService(broker);
    await service.put({ act: 'hang', id: '1' }, { act: 'note', id: '2' });
    const host = await service.startConsuming();
    await begun(host, '1');
    host.signal('SIGTERM');
    await host.waitForLine('draining');
    host.signal('SIGINT');
    expect(await host.exited).toEqual({ code: 130, signal: null });
    expect(linesOf(host, 'stopped')).toEqual([]);
    if (broker === rabbitMq) await expectWaiting(broker, service.queue, ['1', '2']);
  });

  it('takes a signal that arrives twice at the same moment for one, as with Ctrl-C under npx', async () => {
    const service = await makeService(broker);
    const gate = service.gate();
    await service.put({ act: 'wait', id: '1', gate });
    const host = await service.startConsuming();
    await begun(host, '1');
    host.signal('SIGINT');
    await host.waitForLine('draining');
    host.signal('SIGINT');
    await service.open(gate);
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(ordersOf(host, 'finished')).toEqual(['1']);
  });

  it('loses no message while hosts start and stop', async () => {
    const service = await makeService(broker);
    const ids: string[] = [];
    // New work for every host: a fast one leaves nothing to the next.
    const send15 = async () => {
      for (let count = 0; count < 15; count++) {
        const id = String(ids.length);
        ids.push(id);
        await service.put({ act: 'fail once', id });
      }
    };
    const finished: unknown[] = [];
    for (let hosts = 0; hosts < 3; hosts++) {
      const sending = send15();
      const host = await service.startConsuming({ CONCURRENCY: '3' });
      await host.waitForLine('finished');
      host.signal('SIGTERM');
      expect(await host.exited).toEqual({ code: 0, signal: null });
      finished.push(...ordersOf(host, 'finished'));
      await sending;
    }
    await send15();
    const last = await service.startConsuming({ CONCURRENCY: '3' });
    await vi.waitUntil(
      () => new Set([...finished, ...ordersOf(last, 'finished')]).size === ids.length,
      patience,
    );
    last.signal('SIGTERM');
    expect(await last.exited).toEqual({ code: 0, signal: null });
    // Each exactly once: no host was killed.
    expect([...finished, ...ordersOf(last, 'finished')].sort()).toEqual(ids.sort());
    await expectEmpty(broker, service.queue);
    expect(await broker.browse(`${service.queue}_dead`)).toEqual([]);
  });
});

describe('a host without its broker', () => {
  it('ends with 0, soon, if it is stopped before it has reached the broker', async () => {
    const service = await makeService(rabbitMq);
    const port = await freePort();
    const host = service.start({ RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${port}` });
    await host.waitForLine('cannot connect');
    const signalledAt = Date.now();
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(Date.now() - signalledAt).toBeLessThan(3000);
    expect(linesOf(host, 'start called')).toEqual([]);
    expect(linesOf(host, 'stop called')).toEqual([]);
    expect(host.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it('ends if it is stopped while the broker does not answer the handshake', async () => {
    const service = await makeService(rabbitMq);
    const url = new URL(rabbitMq.env()['RABBITMQ_URL']!);
    await using relay = await startRelay(Number(url.port || 5672), url.hostname);
    relay.freeze();
    const host = service.start({ RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${relay.port}` });
    await vi.waitUntil(() => relay.connections > 0, patience);
    const signalledAt = Date.now();
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(Date.now() - signalledAt).toBeLessThan(7000);
  });

  it('ends with 0 and loses nothing if it is stopped after the connection was lost', async () => {
    const service = await makeService(rabbitMq);
    const gate = service.gate();
    await service.put({ act: 'wait', id: '1', gate });
    const url = new URL(rabbitMq.env()['RABBITMQ_URL']!);
    await using relay = await startRelay(Number(url.port || 5672), url.hostname);
    const host = await service.startConsuming({
      RABBITMQ_URL: `amqp://${url.username}:${url.password}@127.0.0.1:${relay.port}${url.pathname}`,
    });
    await begun(host, '1');
    await relay.refuse();
    relay.reset();
    await host.waitForLine('connection lost');
    host.signal('SIGTERM');
    await host.waitForLine('draining');
    await service.open(gate);
    expect(await host.exited).toEqual({ code: 0, signal: null });
    // It could not record the outcome with the broker: at least once.
    await expectWaiting(rabbitMq, service.queue, ['1']);
  });
});

describe("a processor's start and stop", () => {
  it('are called once each, start before the first message and stop after the last', async () => {
    const service = await makeService(sqlite);
    const [mayStart, mayStop] = [service.gate('start'), service.gate('stop')];
    await service.put({ act: 'note', id: '1' });
    const host = service.start({ START: mayStart, STOP: mayStop });
    await host.waitForLine('start called');
    expect(linesOf(host, 'begun')).toEqual([]);
    await service.open(mayStart);
    await host.waitForLine('finished');
    host.signal('SIGTERM');
    await host.waitForLine('stop called');
    expect(linesOf(host, 'stopped')).toEqual([]);
    await service.open(mayStop);
    expect(await host.exited).toEqual({ code: 0, signal: null });
    const lives = ['start called', 'start done', 'begun', 'finished', 'draining', 'stop called', 'stop done'];
    const seen = host.lines
      .map(({ msg }) => msg)
      .filter((msg) => [...lives, 'stopped'].includes(String(msg)));
    expect(seen).toEqual([...lives, 'stopped']);
  });

  it('that fails to start ends the host with 1, and no message is taken', async () => {
    const service = await makeService(sqlite);
    await service.put({ act: 'note', id: '1' });
    const host = service.start({ START: 'fail' });
    expect(await host.exited).toEqual({ code: 1, signal: null });
    expect(linesOf(host, 'the service failed: start went wrong; shutting down')).toMatchObject([
      { error: { message: 'start went wrong' } },
    ]);
    await expectWaiting(sqlite, service.queue, ['1']);
  });

  it('that is stopped while it starts may finish its start, is stopped, and gets no message', async () => {
    const service = await makeService(rabbitMq);
    const gate = service.gate();
    await service.put({ act: 'note', id: '1' });
    const host = service.start({ START: gate });
    await host.waitForLine('start called');
    host.signal('SIGTERM');
    await host.waitForLine('draining');
    await service.open(gate);
    expect(await host.exited).toEqual({ code: 0, signal: null });
    const seen = host.lines.map(({ msg }) => String(msg)).filter((msg) => /^(start|stop) /.test(msg));
    expect(seen).toEqual(['start called', 'start done', 'stop called', 'stop done']);
    expect(linesOf(host, 'begun')).toEqual([]);
    await expectWaiting(rabbitMq, service.queue, ['1']);
  });

  it('that fails to stop is logged, and changes nothing', async () => {
    const service = await makeService(sqlite);
    const host = await service.startConsuming({ STOP: 'fail' });
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(linesOf(host, "the processor's stop() failed")).toMatchObject([
      { error: { message: 'stop went wrong' } },
    ]);
  });
});

/** Waits until exactly these messages wait in the queue, in this order, as they were sent. */
async function expectWaiting(broker: TestBroker, queue: string, ids: string[]): Promise<void> {
  await vi.waitFor(async () => {
    const messages = await broker.browse(queue);
    expect(
      messages.map(({ body }) => (JSON.parse(Buffer.from(body).toString()) as { id: string }).id),
    ).toEqual(ids);
    expect(messages.map(({ headers }) => headers)).toEqual(ids.map(() => ({})));
  }, patience);
}
