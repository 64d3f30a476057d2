// Each row of the outcome table, through the whole pipeline, on real RabbitMQ and on the embedded queue.
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { DeadLetterError, exitCode } from '../../src/errors.ts';
import { header } from '../../src/messaging/dead-letter.ts';
import {
  deadLetters,
  expectEmpty,
  json,
  patience,
  rabbitMqBroker,
  queueWith,
  sqliteBroker,
} from './broker.ts';
import { deferred, host, never, type LogLine } from './hosted.ts';

const brokers = [rabbitMqBroker(), sqliteBroker()];

describe.for(brokers)('on $name, a message is done', (broker) => {
  it.for<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['false', false],
    ['an error, without throwing it', new Error('returned')],
    ['a promise of something', Promise.resolve({ not: 'looked at' })],
    ['a thenable that resolves', { then: (resolve: (value: unknown) => void) => resolve(1) }],
  ])('when process returns %s', async ([, result]) => {
    const queue = await queueWith(broker, { id: 1 });
    const service = await host(broker.adapter(), queue, () => result);
    await service.settled(1);
    expect(service.records).toMatchObject([{ attempt: 1, outcome: { kind: 'done' } }]);
    expect(await service.stop()).toBe(exitCode.ok);
    expect(service.calls.map(({ message }) => message)).toEqual([{ id: 1 }]);
    await expectEmpty(broker, queue);
    expect(await broker.browse(`${queue}_dead`)).toEqual([]);
  });
});

describe.for(brokers)('on $name, a message is retried', (broker) => {
  it.for<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new TypeError('not now');
      },
    ],
    ['rejects', () => Promise.reject(new TypeError('not now'))],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- users do
    ['rejects with nothing', () => Promise.reject()],
  ])('after a delay when process %s, as the next attempt of the same message', async ([, fail]) => {
    const queue = await queueWith(broker, { id: 1 });
    const settledAt: number[] = [];
    const service = await host(
      broker.adapter(),
      queue,
      (_message, { attempt }) => (attempt < 3 ? fail() : undefined),
      {
        retry: { maxAttempts: 3, initialDelayMs: 300, factor: 1, maxDelayMs: 1000 },
        onRecord: () => settledAt.push(Date.now()),
      },
    );
    await service.called(3);
    await service.stop();
    expect(service.calls.map(({ context }) => context.attempt)).toEqual([1, 2, 3]);
    expect(service.calls.map(({ message }) => message)).toEqual([{ id: 1 }, { id: 1 }, { id: 1 }]);
    expect(new Set(service.calls.map(({ context }) => context.messageId)).size).toBe(1);
    // The delay begins when the broker has the copy, a moment before the outcome counts as settled.
    expect(service.calls[1]!.at - service.calls[0]!.at).toBeGreaterThanOrEqual(300);
    expect(service.calls[2]!.at - service.calls[1]!.at).toBeGreaterThanOrEqual(300);
    expect(settledAt).toHaveLength(3);
    expect(warnings(service.lines)).toMatchObject([
      { attempt: 1, maxAttempts: 3, delayMs: 300, queue, name: 'svchost' },
      { attempt: 2, maxAttempts: 3, delayMs: 300, queue, name: 'svchost' },
    ]);
    await expectEmpty(broker, queue);
    expect(await broker.browse(`${queue}_dead`)).toEqual([]);
  });

  it('behind the messages waiting in the queue: at concurrency 1 the others are not held up', async () => {
    const queue = await queueWith(broker, 'fails once', 'second', 'third');
    const service = await host(broker.adapter(), queue, (message, { attempt }) => {
      if (message === 'fails once' && attempt === 1) throw new Error('once');
    });
    await service.settled(4);
    await service.stop();
    expect(service.calls[0]!.message).toBe('fails once');
    expect(service.calls.filter(({ message }) => message === 'fails once')).toHaveLength(2);
    const others = service.calls.filter(({ message }) => message !== 'fails once');
    expect(others.map(({ message }) => message)).toEqual(['second', 'third']);
    await expectEmpty(broker, queue);
  });
});

describe.for(brokers)('on $name, a message is dead-lettered', (broker) => {
  it('as failed when its attempts are used up, with all facts about it', async () => {
    const queue = await broker.queue();
    const body = Buffer.from('{ "id" : 1,\n "text": "grüße" }');
    const before = Date.now();
    await broker.put(queue, body, { tenant: 'a' });
    const service = await host(broker.adapter(), queue, () => {
      throw new RangeError('no such order: ü');
    });
    const [letter] = await deadLetters(broker, queue, 1);
    await service.stop();
    expect(service.calls.map(({ context }) => context.attempt)).toEqual([1, 2, 3]);
    expect(Buffer.from(letter!.body)).toEqual(body);
    expect(letter!.messageId).toBe(service.calls[0]!.context.messageId);
    expect(letter!.headers).toEqual({
      tenant: 'a',
      [header.reason]: 'failed',
      [header.error]: 'RangeError: no such order: ü',
      [header.sourceQueue]: queue,
      [header.attempts]: 3,
      [header.firstSeen]: expect.any(String) as string,
      [header.lastSeen]: expect.any(String) as string,
    });
    const [first, last] = [header.firstSeen, header.lastSeen].map((name) => letter!.headers[name] as string);
    for (const time of [first, last]) expect(new Date(time!).toISOString()).toBe(time);
    expect(Date.parse(first!)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(last!)).toBeGreaterThanOrEqual(Date.parse(first!) + 20 + 40);
    expect(Date.parse(last!)).toBeLessThanOrEqual(Date.now());
    await expectEmpty(broker, queue);
  });

  it('at the first failure if there is only one attempt', async () => {
    const queue = await queueWith(broker, 1);
    const service = await host(broker.adapter(), queue, () => Promise.reject(new Error('no')), {
      retry: { maxAttempts: 1, initialDelayMs: 20, factor: 2, maxDelayMs: 20 },
    });
    const [letter] = await deadLetters(broker, queue, 1);
    await service.stop();
    expect(letter!.headers).toMatchObject({ [header.reason]: 'failed', [header.attempts]: 1 });
    expect(service.calls).toHaveLength(1);
    await expectEmpty(broker, queue);
  });

  it('as timed out when the last attempt took too long, and each attempt had its signal aborted', async () => {
    const queue = await queueWith(broker, 1);
    const reasons: unknown[] = [];
    const service = await host(
      broker.adapter(),
      queue,
      (_message, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            reject(new Error('stopped as asked'));
          });
        }),
      { processTimeoutMs: 30 },
    );
    const [letter] = await deadLetters(broker, queue, 1);
    await service.stop();
    expect(reasons).toHaveLength(3);
    expect(String(reasons[0])).toMatch(/PROCESS_TIMEOUT \(0\.03 s\)/);
    expect(service.calls.map(({ context }) => context.attempt)).toEqual([1, 2, 3]);
    expect(letter!.headers).toMatchObject({
      [header.reason]: 'timeout',
      [header.error]: expect.stringContaining('PROCESS_TIMEOUT') as string,
      [header.attempts]: 3,
    });
    await expectEmpty(broker, queue);
  });

  it.for<[string, Uint8Array]>([
    ['is not JSON', Buffer.from('{"half": ')],
    ['is UTF-8 cut off in a character', Buffer.from('"grü"').subarray(0, 4)],
    ['is empty', new Uint8Array(0)],
  ])('as undecodable at once when the body %s, byte for byte', async ([, body]) => {
    const queue = await broker.queue();
    await broker.put(queue, body, { tenant: 'a' });
    const service = await host(broker.adapter(), queue, () => undefined);
    const [letter] = await deadLetters(broker, queue, 1);
    await service.stop();
    expect(Buffer.compare(letter!.body, body)).toBe(0);
    expect(letter!.headers).toMatchObject({
      tenant: 'a',
      [header.reason]: 'undecodable',
      [header.attempts]: 1,
      [header.sourceQueue]: queue,
    });
    expect(service.calls).toEqual([]);
    await expectEmpty(broker, queue);
  });

  it('as invalid at once when the schema refuses it, without a call of process', async () => {
    const queue = await queueWith(broker, { id: 'seven' });
    const service = await host(broker.adapter(), queue, () => undefined, {
      schema: z.object({ id: z.number() }),
    });
    const [letter] = await deadLetters(broker, queue, 1);
    await service.stop();
    expect(letter!.headers).toMatchObject({
      [header.reason]: 'invalid',
      [header.error]: expect.stringContaining('id: ') as string,
      [header.attempts]: 1,
    });
    expect(Buffer.from(letter!.body).toString()).toBe('{"id":"seven"}');
    expect(service.calls).toEqual([]);
    await expectEmpty(broker, queue);
  });

  it('as rejected at once when process throws a DeadLetterError, even if attempts are left', async () => {
    const queue = await queueWith(broker, 1);
    const service = await host(broker.adapter(), queue, () => {
      throw new DeadLetterError('unknown customer');
    });
    const [letter] = await deadLetters(broker, queue, 1);
    await service.stop();
    expect(letter!.headers).toMatchObject({
      [header.reason]: 'rejected',
      [header.error]: 'DeadLetterError: unknown customer',
      [header.attempts]: 1,
    });
    expect(service.calls).toHaveLength(1);
    expect(errors(service.lines)).toMatchObject([{ queue, attempt: 1, reason: 'rejected' }]);
    await expectEmpty(broker, queue);
  });

  it('as crashed after an uncaught error at the last attempt', async () => {
    const queue = await queueWith(broker, 'culprit', 'bystander');
    const run = async () => {
      const bothInWork = deferred();
      const service = await host(
        broker.adapter(),
        queue,
        async (message) => {
          if (message === 'culprit') {
            await bothInWork.promise;
            // As the process does for an uncaught error, in the async context that threw it.
            service.service.crash(new Error('thrown in a timer'));
          }
          return never;
        },
        { concurrency: 2, retry: { maxAttempts: 2, initialDelayMs: 1, factor: 1, maxDelayMs: 1 } },
      );
      await service.called(2);
      bothInWork.resolve();
      expect(await service.ended).toBe(exitCode.failed);
      return service;
    };
    const first = await run();
    expect(outcomesOf(first.records)).toEqual(['requeue', 'retry']);
    await vi.waitFor(async () => expect(await broker.count(queue)).toBe(2), patience);
    const second = await run();
    expect(outcomesOf(second.records)).toEqual(['dead', 'requeue']);
    const [letter] = await deadLetters(broker, queue, 1);
    expect(Buffer.from(letter!.body).toString()).toBe('"culprit"');
    expect(letter!.headers).toMatchObject({
      [header.reason]: 'crashed',
      [header.error]: 'CrashError: uncaught Error: thrown in a timer',
      [header.attempts]: 2,
    });
    const last = await host(broker.adapter(), queue, () => undefined);
    await last.settled(1);
    expect(last.calls).toMatchObject([{ message: 'bystander', context: { attempt: 1 } }]);
    await last.stop();
    await expectEmpty(broker, queue);
  });
});

describe.for(brokers)('on $name, a message is requeued', (broker) => {
  it('by a drain: unstarted or cut off, it is redelivered at the same attempt', async () => {
    const queue = await queueWith(broker, 'first', 'second', 'third');
    const aborted: unknown[] = [];
    const service = await host(
      broker.adapter(),
      queue,
      (_message, { attempt, signal }) => {
        if (attempt === 1) throw new Error('once');
        signal.addEventListener('abort', () => aborted.push(signal.reason));
        return never;
      },
      { concurrency: 2, shutdownTimeoutMs: 50 },
    );
    // Two of the three are in flight at their second attempt, the third waits.
    await vi.waitUntil(
      () => service.calls.filter(({ context }) => context.attempt === 2).length === 2,
      patience,
    );
    expect(await service.stop()).toBe(exitCode.drainTimedOut);
    expect(aborted).toHaveLength(2);
    expect(aborted[0]).toMatchObject({ name: 'CutOffError' });
    expect(service.lines.at(-1)).toMatchObject({ msg: 'stopped', cutOff: 2, requeue: 2 });
    await vi.waitFor(async () => expect(await broker.count(queue)).toBe(3), patience);
    const next = await host(broker.adapter(), queue, () => undefined, { concurrency: 3 });
    await next.settled(3);
    await next.stop();
    expect(next.calls.map(({ message }) => message).sort()).toEqual(['first', 'second', 'third']);
    expect(next.calls.map(({ context }) => context.attempt)).toEqual([2, 2, 2]);
    expect(idsOf(next.calls)).toEqual(idsOf(service.calls));
    await expectEmpty(broker, queue);
    expect(await broker.browse(`${queue}_dead`)).toEqual([]);
  });

  it('while the drain waits for one in flight that may finish', async () => {
    const queue = await queueWith(broker, 'first', 'second');
    const work = deferred();
    const service = await host(broker.adapter(), queue, () => work.promise);
    await service.called(1);
    const ended = service.stop();
    await broker.put(queue, json('third'));
    work.resolve();
    expect(await ended).toBe(exitCode.ok);
    expect(service.records).toMatchObject([{ outcome: { kind: 'done' } }]);
    await vi.waitFor(async () => expect(await broker.count(queue)).toBe(2), patience);
    const next = await host(broker.adapter(), queue, () => undefined);
    await next.settled(2);
    await next.stop();
    expect(next.calls.map(({ message }) => message)).toEqual(['second', 'third']);
    await expectEmpty(broker, queue);
  });
});

function outcomesOf(records: readonly { outcome: { kind: string } }[]): string[] {
  return records.map(({ outcome }) => outcome.kind).sort();
}

function idsOf(calls: readonly { context: { messageId: string } }[]): string[] {
  return [...new Set(calls.map(({ context }) => context.messageId))].sort();
}

function warnings(lines: readonly LogLine[]): LogLine[] {
  return lines.filter(({ msg }) => msg === 'delivery failed; will be retried');
}

function errors(lines: readonly LogLine[]): LogLine[] {
  return lines.filter(({ msg }) => msg === 'delivery failed; dead-lettered');
}
