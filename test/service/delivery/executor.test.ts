// The pipeline of one delivery: schemas of three libraries, time limits, and the log.
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { StandardSchema } from '../../../src/processor/processor.ts';
import { deferred, host, infoLevel, never } from '../hosted.ts';
import { memoryWith, queueName } from '../memory.ts';

const marker = 'marker-4711';

/** The same schema three times: an order with a number that is turned into a date. */
const schemas: Record<string, StandardSchema> = {
  zod: z.object({ id: z.number(), at: z.string().transform((text) => new Date(text)) }),
  'zod, asynchronous': z.object({
    id: z.number().refine((id) => Promise.resolve(id < 100)),
    at: z.string().transform((text) => Promise.resolve(new Date(text))),
  }),
  valibot: v.object({
    id: v.number(),
    at: v.pipe(
      v.string(),
      v.transform((text) => new Date(text)),
    ),
  }),
  'valibot, asynchronous': v.objectAsync({
    id: v.pipeAsync(
      v.number(),
      v.checkAsync((id) => Promise.resolve(id < 100)),
    ),
    at: v.pipeAsync(
      v.string(),
      v.transformAsync((text) => Promise.resolve(new Date(text))),
    ),
  }),
  arktype: type({ id: 'number', at: 'string.date.parse' }),
};

describe.for(Object.entries(schemas))('a schema of %s', ([, schema]) => {
  it("accepts a good message, and process is called with the schema's output", async () => {
    const adapter = await memoryWith([{ id: 1, at: '2026-01-01T00:00:00Z' }]);
    const service = await host(adapter, queueName, () => undefined, { schema });
    await service.settled(1);
    expect(service.calls.map(({ message }) => message)).toEqual([
      { id: 1, at: new Date(Date.UTC(2026, 0, 1)) },
    ]);
  });

  it.for<[string, unknown]>([
    ['with a wrong type in it', { id: marker, at: '2026-01-01T00:00:00Z' }],
    ['with something missing', { id: 1, other: marker }],
    ['of another shape', [marker]],
    ['that is a scalar', marker],
    ['that is null', null],
  ])('refuses a message %s, and none of its values appear in the log', async ([, message]) => {
    const adapter = await memoryWith([message]);
    const service = await host(adapter, queueName, () => undefined, { schema });
    await service.settled(1);
    expect(service.records).toMatchObject([{ outcome: { kind: 'dead', reason: 'invalid' }, attempt: 1 }]);
    expect(service.calls).toEqual([]);
    const lines = service.lines.filter(({ level }) => Number(level) >= infoLevel);
    expect(lines.some(({ reason }) => reason === 'invalid')).toBe(true);
    expect(JSON.stringify(lines)).not.toContain(marker);
  });
});

describe('a schema', () => {
  const broken = (validate: () => never): StandardSchema => ({
    '~standard': { version: 1, vendor: 'test', validate },
  });

  it.for<[string, StandardSchema]>([
    [
      'throws',
      broken(() => {
        throw new Error('the registry is down');
      }),
    ],
    ['rejects', broken(() => Promise.reject(new Error('the registry is down')) as never)],
    ['returns nothing', broken(() => undefined as never)],
  ])('that %s fails the attempt, as process itself would: the message is retried', async ([, schema]) => {
    const adapter = await memoryWith([1]);
    const service = await host(adapter, queueName, () => undefined, { schema });
    await service.settled(3);
    expect(service.records.map(({ outcome }) => outcome.kind)).toEqual(['retry', 'retry', 'dead']);
    expect(service.records.at(-1)).toMatchObject({ outcome: { reason: 'failed' } });
    expect(service.calls).toEqual([]);
  });

  it('that takes too long is ended by PROCESS_TIMEOUT', async () => {
    const adapter = await memoryWith([1]);
    const service = await host(adapter, queueName, () => undefined, {
      schema: broken(() => never as never),
      processTimeoutMs: 10,
      retry: { maxAttempts: 1, initialDelayMs: 1, factor: 1, maxDelayMs: 1 },
    });
    await service.settled(1);
    expect(service.records).toMatchObject([{ outcome: { kind: 'dead', reason: 'timeout' } }]);
  });
});

describe('PROCESS_TIMEOUT', () => {
  it('frees the slot of work that ignores its signal; its late result changes nothing', async () => {
    const adapter = await memoryWith(['stuck', 'next']);
    const late = deferred();
    const order: string[] = [];
    const service = await host(
      adapter,
      queueName,
      async (message, { attempt, signal }) => {
        order.push(`${String(message)} ${attempt}`);
        if (message !== 'stuck' || attempt > 1) return;
        await late.promise;
        order.push(`late, aborted: ${signal.aborted}`);
        throw new Error('late');
      },
      { processTimeoutMs: 10 },
    );
    await service.settled(3);
    late.resolve();
    await service.stop();
    expect(order).toEqual(['stuck 1', 'next 1', 'stuck 2', 'late, aborted: true']);
    expect(service.records.map(({ outcome }) => outcome.kind)).toEqual(['retry', 'done', 'done']);
  });

  it('does not count against work that succeeds after its signal was aborted', async () => {
    const adapter = await memoryWith(['slow']);
    const service = await host(
      adapter,
      queueName,
      (_message, { signal }) =>
        new Promise<void>((resolve) => signal.addEventListener('abort', () => setImmediate(resolve))),
      { processTimeoutMs: 10 },
    );
    await service.settled(1);
    expect(service.records).toMatchObject([{ outcome: { kind: 'done' } }]);
  });
});

describe('a value that user code throws', () => {
  const hostile = new Proxy(new Error(marker), {
    get: () => {
      throw new Error('no looking');
    },
    getPrototypeOf: () => {
      throw new Error('no looking');
    },
  });

  it.for<[string, unknown]>([
    ['nothing', undefined],
    ['a proxy that cannot be read', hostile],
    ['an error without texts', Object.assign(new Error(), { name: 1, message: null, stack: {} })],
    ['an error of ten million characters', new Error('x'.repeat(10_000_000))],
  ])('can be %s: the attempt has failed, and the service continues', async ([, thrown]) => {
    const adapter = await memoryWith(['bad', 'good']);
    const service = await host(adapter, queueName, (message) => {
      if (message === 'bad') throw thrown;
    });
    await service.settled(4);
    expect(service.records.map(({ outcome }) => outcome.kind).sort()).toEqual([
      'dead',
      'done',
      'retry',
      'retry',
    ]);
    for (const line of service.lines) expect(JSON.stringify(line).length).toBeLessThan(20_000);
    expect(await service.stop()).toBe(0);
  });
});

describe('the log', () => {
  it('has a line at debug for a message that is done, and none above', async () => {
    const adapter = await memoryWith([{ text: marker }]);
    const service = await host(adapter, queueName, () => undefined);
    await service.settled(1);
    const about = service.lines.filter(({ messageId }) => messageId !== undefined);
    expect(about.map(({ level, msg }) => [level, msg])).toEqual([[20, 'delivery done']]);
    expect(JSON.stringify(service.lines)).not.toContain(marker);
  });

  it('has the name, message and stack of a failure', async () => {
    const adapter = await memoryWith([1]);
    const service = await host(adapter, queueName, (_message, { attempt }) => {
      if (attempt === 1) throw new TypeError('no such order');
    });
    await service.settled(2);
    const line = service.lines.find(({ msg }) => msg === 'delivery failed; will be retried');
    expect(line).toMatchObject({
      level: 40,
      error: {
        name: 'TypeError',
        message: 'no such order',
        stack: expect.stringContaining('executor.test.ts') as string,
      },
    });
  });
});
