// The testing kit, which users test their processors with.
import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  BaseServiceProcessor,
  DeadLetterError,
  type MessageContext,
  type ScheduleContext,
  type ScheduleProcessor,
} from '../../src/index.ts';
import { runMessages, runOnce, startTestService } from '../../src/testing/index.ts';

/** Fails as many times as the message says. */
class FlakyServiceProcessor extends BaseServiceProcessor {
  override process(message: unknown, { attempt }: MessageContext): void {
    const { failures } = message as { failures: number };
    if (attempt <= failures) throw new Error(`failure ${attempt}`);
  }
}

describe('runMessages', () => {
  it('returns each delivery of each message, with the delays of the retry policy', async () => {
    const { deliveries } = await runMessages(FlakyServiceProcessor, [{ failures: 0 }, { failures: 2 }]);
    expect(
      deliveries.map(({ attempt, outcome, delay, error }) => ({ attempt, outcome, delay, error })),
    ).toEqual([
      { attempt: 1, outcome: 'done', delay: undefined, error: undefined },
      { attempt: 1, outcome: 'retry', delay: 1, error: 'Error: failure 1' },
      { attempt: 2, outcome: 'retry', delay: 5, error: 'Error: failure 2' },
      { attempt: 3, outcome: 'done', delay: undefined, error: undefined },
    ]);
  });

  it('returns the dead letters, with their bytes', async () => {
    const { deadLetters } = await runMessages(FlakyServiceProcessor, [{ failures: 9 }], { maxAttempts: 3 });
    expect(deadLetters).toMatchObject([{ reason: 'failed', error: 'Error: failure 3', attempts: 3 }]);
    expect(Buffer.from(deadLetters[0]!.body).toString()).toBe('{"failures":9}');
  });

  it('returns the messages that the processor sent, and processes those that it sent to itself', async () => {
    class CountdownServiceProcessor extends BaseServiceProcessor {
      override async process(message: unknown, context: MessageContext): Promise<void> {
        const count = message as number;
        if (count > 0) await context.send(context.queueName, count - 1);
        else await context.send('lift-off', { done: true });
      }
    }
    const { deliveries, sent } = await runMessages(CountdownServiceProcessor, [2]);
    expect(deliveries).toHaveLength(3);
    expect(sent).toEqual([
      { queueName: 'test_queue', message: 1 },
      { queueName: 'test_queue', message: 0 },
      { queueName: 'lift-off', message: { done: true } },
    ]);
  });

  it("checks messages by the schema of the class, and calls the processor with the schema's output", async () => {
    const seen: unknown[] = [];
    class SchemaServiceProcessor extends BaseServiceProcessor {
      static schema = z.object({ id: z.coerce.number() });
      override process(message: unknown): void {
        seen.push(message);
      }
    }
    const { deadLetters } = await runMessages(SchemaServiceProcessor, [
      { id: '7', extra: true },
      { id: 'x' },
    ]);
    expect(seen).toEqual([{ id: 7 }]);
    expect(deadLetters).toMatchObject([{ reason: 'invalid', attempts: 1 }]);
  });

  it('rejects with the error of a processor that does not start', async () => {
    const processor = {
      start: () => Promise.reject(new Error('no database')),
      process: () => undefined,
    };
    await expect(runMessages(processor, [1])).rejects.toThrow('no database');
  });
});

describe('a test service', () => {
  it('delays a retry until the clock is moved', async () => {
    const service = await startTestService(FlakyServiceProcessor, { initialDelay: 60 });
    await service.send({ failures: 1 });
    await service.idle();
    expect(service.deliveries.map(({ outcome }) => outcome)).toEqual(['retry']);
    await service.advance(59);
    await service.idle();
    expect(service.deliveries).toHaveLength(1);
    await service.advance(1);
    await service.idle();
    expect(service.deliveries.map(({ outcome }) => outcome)).toEqual(['retry', 'done']);
    await service.stop();
  });

  it('expires time limits by its clock, and aborts the signal', async () => {
    const reasons: unknown[] = [];
    const processor = {
      process: (_message: unknown, { signal }: MessageContext) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            reject(signal.reason as Error);
          });
        }),
    };
    const service = await startTestService(processor, { processTimeout: 30, maxAttempts: 1 });
    await service.send('slow');
    await service.advance(31);
    await service.idle();
    expect(reasons).toHaveLength(1);
    expect(service.deadLetters).toMatchObject([{ reason: 'timeout' }]);
    await service.stop();
  });

  it('accepts bytes that are not a message', async () => {
    const service = await startTestService(FlakyServiceProcessor);
    await service.sendBody(Buffer.from('{"half"'));
    await service.finish();
    expect(service.deadLetters).toMatchObject([{ reason: 'undecodable', attempts: 1 }]);
    await service.stop();
  });

  it('dead-letters a rejected message at once', async () => {
    const processor = {
      process: () => {
        throw new DeadLetterError('never');
      },
    };
    const { deadLetters } = await runMessages(processor, [1]);
    expect(deadLetters).toMatchObject([{ reason: 'rejected', error: 'DeadLetterError: never', attempts: 1 }]);
  });

  it('starts and stops the processor', async () => {
    const calls: string[] = [];
    const processor = {
      start: () => calls.push('start'),
      process: () => calls.push('process'),
      stop: () => calls.push('stop'),
    };
    await runMessages(processor, [1]);
    expect(calls).toEqual(['start', 'process', 'stop']);
  });
});

describe('the end of a test service', () => {
  it('gives the processor time to close its connections', async () => {
    const calls: string[] = [];
    const processor = {
      process: () => undefined,
      stop: async () => {
        await readFile(import.meta.filename);
        calls.push('closed');
      },
    };
    await runMessages(processor, [1]);
    expect(calls).toEqual(['closed']);
  });

  it('requeues messages in flight, and does not wait for one that never ends', async () => {
    const service = await startTestService({ process: () => new Promise(() => undefined) });
    const messageId = await service.send(1);
    await service.advance(0);
    await service.stop();
    expect(service.deliveries).toEqual([{ messageId, attempt: 1, outcome: 'requeue' }]);
    await expect(service.idle()).rejects.toThrow('the service has been stopped');
  });

  it('is noticed by all callers that wait for the service', async () => {
    const service = await startTestService({ process: () => new Promise(() => undefined) });
    await service.send(1);
    const waiting = Promise.allSettled([service.idle(), service.idle(), service.finish()]);
    await service.stop();
    expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });
});

describe('runOnce', () => {
  /** Records its calls. */
  class ClockServiceProcessor implements ScheduleProcessor {
    readonly calls: (string | ScheduleContext)[] = [];
    start(): void {
      this.calls.push('start');
    }
    async process(context: ScheduleContext): Promise<void> {
      await Promise.resolve();
      this.calls.push(context);
      context.signal.throwIfAborted();
    }
    stop(): void {
      this.calls.push('stop');
    }
  }

  it('starts the processor, runs it as a first run that is due now, and stops it', async () => {
    const processor = new ClockServiceProcessor();
    const before = Date.now();
    await runOnce(processor);
    const [start, context, stop] = processor.calls as [string, ScheduleContext, string];
    expect([start, stop]).toEqual(['start', 'stop']);
    expect(context.scheduledFor.getTime()).toBeGreaterThanOrEqual(before);
    expect(context.lastRun).toBeUndefined();
    expect(context.signal.aborted).toBe(false);
  });

  it('calls it with the options of the test', async () => {
    const processor = new ClockServiceProcessor();
    const scheduledFor = new Date('2026-03-29T01:00:00Z');
    const lastRun = {
      scheduledFor,
      startedAt: scheduledFor,
      endedAt: scheduledFor,
      outcome: 'failed',
    } as const;
    const lines: unknown[] = [];
    const log = pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line)) });
    await runOnce(processor, { scheduledFor, lastRun, log });
    expect(processor.calls[1]).toMatchObject({ scheduledFor, lastRun });
    (processor.calls[1] as ScheduleContext).log.info('seen');
    expect(lines).toMatchObject([{ msg: 'seen', scheduledFor: scheduledFor.toISOString() }]);
  });

  it('rejects with the error of the processor, and stops it all the same', async () => {
    const processor = new ClockServiceProcessor();
    await expect(
      runOnce(processor, { signal: AbortSignal.abort(new Error('the drain is over')) }),
    ).rejects.toThrow('the drain is over');
    expect(processor.calls.at(-1)).toBe('stop');
  });

  it('accepts a class', async () => {
    class BrokenServiceProcessor implements ScheduleProcessor {
      process(): void {
        throw new Error('this run failed');
      }
    }
    await expect(runOnce(BrokenServiceProcessor)).rejects.toThrow('this run failed');
  });
});
