// Processors that are written as objects: their context, their dependencies, and the end of these.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineProcessor } from '../../src/index.ts';
import { runMessages, runOnce } from '../../src/testing/index.ts';

/** A dependency that notes when it is closed. */
function closable(closed: string[], name: string, method: PropertyKey = 'close') {
  return { name, [method]: () => void closed.push(name) };
}

describe('a processor that is defined by an object', () => {
  it('checks its messages by its schema, and has its dependencies in the context', async () => {
    const invoiced: number[] = [];
    const processor = defineProcessor({
      schema: z.object({ id: z.coerce.number() }),
      deps: () => ({ invoices: { add: (id: number) => void invoiced.push(id) } }),
      process: ({ id }, { deps, attempt }) => {
        deps.invoices.add(id * attempt);
      },
    });
    const { deadLetters } = await runMessages(processor, [{ id: '7' }, { id: 'x' }]);
    expect(invoiced).toEqual([7]);
    expect(deadLetters.map(({ reason }) => reason)).toEqual(['invalid']);
  });

  it('makes its dependencies before start, and closes them after stop, the last first', async () => {
    const events: string[] = [];
    const processor = defineProcessor({
      deps: async () => {
        events.push('deps');
        await Promise.resolve();
        return { pool: closable(events, 'pool', 'end'), queue: closable(events, 'queue'), limit: 3 };
      },
      start: ({ deps }) => void events.push(`start with ${deps.limit}`),
      process: (_message, { deps }) => void events.push(`process with ${deps.pool.name}`),
      stop: ({ deps }) => void events.push(`stop with ${deps.limit}`),
    });
    await runMessages(processor, [1]);
    expect(events).toEqual(['deps', 'start with 3', 'process with pool', 'stop with 3', 'queue', 'pool']);
  });

  it.each([Symbol.asyncDispose, Symbol.dispose, 'close', 'end', 'dispose', 'destroy', '$disconnect'])(
    'closes a dependency by its %s',
    async (method) => {
      const closed: string[] = [];
      const processor = defineProcessor({ deps: () => ({ a: closable(closed, 'a', method) }), process() {} });
      await runMessages(processor, []);
      expect(closed).toEqual(['a']);
    },
  );

  it('closes its dependencies as one if they can be closed so, such as an application context', async () => {
    const closed: string[] = [];
    const processor = defineProcessor({
      deps: () => ({ ...closable(closed, 'app'), part: closable(closed, 'part') }),
      process() {},
    });
    await runMessages(processor, []);
    expect(closed).toEqual(['app']);
  });

  it('closes the others if one cannot be closed, or if stop fails', async () => {
    const closed: string[] = [];
    const processor = defineProcessor({
      deps: () => ({
        first: closable(closed, 'first'),
        broken: { close: () => Promise.reject(new Error('no')) },
      }),
      process() {},
      stop: () => Promise.reject(new Error('no stop')),
    });
    await runMessages(processor, []);
    expect(closed).toEqual(['first']);
  });

  it('fails to start if its dependencies cannot be made, and calls neither start nor stop', async () => {
    const events: string[] = [];
    const processor = defineProcessor({
      deps: (): object => {
        throw new Error('no database');
      },
      start: () => void events.push('start'),
      process() {},
      stop: () => void events.push('stop'),
    });
    await expect(runMessages(processor, [])).rejects.toThrow('no database');
    expect(events).toEqual([]);
  });

  it('runs on a schedule with its dependencies, too', async () => {
    const events: unknown[] = [];
    const processor = defineProcessor({
      deps: () => ({ pool: closable(events as string[], 'pool') }),
      process(context) {
        events.push(Object.keys(context as object).includes('scheduledFor'));
      },
    });
    await runOnce(processor);
    expect(events).toEqual([true, 'pool']);
  });

  it.each([0, 1.5, -1, Number.NaN])('refuses a concurrency of %d', (concurrency) => {
    expect(() => defineProcessor({ concurrency, process() {} })).toThrow(
      `concurrency of a processor must be a whole number from 1, not ${concurrency}`,
    );
  });
});
