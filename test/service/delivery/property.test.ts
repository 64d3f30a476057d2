// Consumer and executor under any order of deliveries, ends, losses and a drain: each delivery is settled exactly once, no
// more run at once than the concurrency allows, a suspect runs alone, and nothing starts after the drain.
import fc from 'fast-check';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { Delivery, Outcome } from '../../../src/messaging/adapter.ts';
import { DeliveryConsumer } from '../../../src/service/delivery/consumer.ts';
import { Executor } from '../../../src/service/delivery/executor.ts';
import { Floor } from '../../../src/service/delivery/floor.ts';
import { Suspects } from '../../../src/service/delivery/suspect.ts';
import { ServiceEvents, type DeliveryEnded } from '../../../src/service/events.ts';
import { TestClock } from '../../../src/testing/clock.ts';

type Step =
  | { readonly do: 'deliver'; readonly isSuspect: boolean; readonly body: 'json' | 'text' }
  | { readonly do: 'end'; readonly nth: number; readonly how: 'return' | 'throw' }
  | { readonly do: 'lose'; readonly nth: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'drain' };

const nth = fc.nat(9);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('deliver' as const),
        isSuspect: fc.boolean(),
        body: fc.constantFrom('json' as const, 'json' as const, 'text' as const),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('end' as const),
        nth,
        how: fc.constantFrom('return' as const, 'throw' as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), nth }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 9_000, 11_000) }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'drain' as const }) },
  ),
  { minLength: 1, maxLength: 40 },
);

/** A delivery that counts its settlements. */
function makeDelivery(index: number, isSuspect: boolean, body: 'json' | 'text') {
  const lost = new AbortController();
  const settled: Outcome['kind'][] = [];
  const delivery: Delivery = {
    messageId: String(index),
    body: Buffer.from(body === 'json' ? String(index) : 'no JSON'),
    headers: {},
    attempt: 1,
    crashes: isSuspect ? 1 : 0,
    redelivered: isSuspect,
    enqueuedAt: undefined,
    replyTo: undefined,
    correlationId: undefined,
    lost: lost.signal,
    settle: (outcome) => {
      settled.push(outcome.kind);
      return Promise.resolve(!lost.signal.aborted);
    },
  };
  return { delivery, settled, lose: () => lost.abort(new Error('the channel closed')) };
}

/** Lets all promises settle. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A consumer whose calls of `process` the test ends one by one. */
function setUp(concurrency: number) {
  const clock = new TestClock();
  const events = new ServiceEvents();
  const ended: DeliveryEnded[] = [];
  events.listen((event) => {
    if (event.kind === 'delivery-ended') ended.push(event);
  });
  const running = new Map<number, PromiseWithResolvers<unknown>>();
  const started: number[] = [];
  const process = (message: unknown) => {
    const work: PromiseWithResolvers<unknown> = Promise.withResolvers();
    running.set(Number(message), work);
    started.push(Number(message));
    return work.promise.finally(() => running.delete(Number(message)));
  };
  const retry = { maxAttempts: 3, initialDelayMs: 1, factor: 1, maxDelayMs: 1 };
  const log = pino({ level: 'silent' });
  const context = { queueName: 'orders', maxAttempts: 3, log, send: () => Promise.resolve() };
  const executor = new Executor({
    process,
    schema: undefined,
    retry,
    processTimeoutMs: undefined,
    crashMaxDeliveries: 3,
    context,
    clock,
    events,
  });
  const floor = new Floor(clock);
  const suspects = new Suspects({
    capabilities: { countsCrashes: true, countsEveryDelivery: false, journalsCrashes: true },
    queueName: 'orders',
    journal: { noteStart: () => Promise.resolve(0), noteEnd: () => Promise.resolve() },
    floor,
    concurrency,
    maxAttempts: 3,
    crashMaxDeliveries: 3,
    clock,
    events,
  });
  const failures: unknown[] = [];
  const consumer = new DeliveryConsumer({
    executor,
    concurrency,
    suspects,
    floor,
    onFailure: (error) => failures.push(error),
  });
  return { clock, consumer, ended, failures, running, started };
}

it('settles each delivery once, and keeps to the concurrency, whatever happens in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (plan, concurrency) => {
      const { clock, consumer, ended, failures, running, started } = setUp(concurrency);
      const made: ReturnType<typeof makeDelivery>[] = [];
      let startedBeforeDrain: number | undefined;
      const drain = async () => {
        consumer.drain();
        startedBeforeDrain ??= started.length;
        await quiet();
      };
      const endNth = (index: number, how: 'return' | 'throw') => {
        const works = [...running.values()];
        const work = works[index % Math.max(1, works.length)];
        if (how === 'return') work?.resolve('done');
        else work?.reject(new Error('no'));
      };
      for (const step of plan) {
        if (step.do === 'deliver') {
          const each = makeDelivery(made.length, step.isSuspect, step.body);
          made.push(each);
          consumer.accept(each.delivery);
        }
        if (step.do === 'end') endNth(step.nth, step.how);
        if (step.do === 'lose') made[step.nth]?.lose();
        if (step.do === 'wait') await clock.advance(step.ms);
        if (step.do === 'drain') await drain();
        await quiet();
        expect(running.size).toBeLessThanOrEqual(concurrency);
      }
      await drain();
      const idle = consumer.idle();
      while (running.size > 0) {
        endNth(0, 'return');
        await quiet();
      }
      await clock.advance(30_000);
      await idle;
      expect(made.map(({ settled }) => settled.length)).toEqual(made.map(() => 1));
      expect(ended).toHaveLength(made.length);
      expect(started).toHaveLength(startedBeforeDrain ?? 0);
      expect([failures, consumer.size]).toEqual([[], 0]);
    }),
    { numRuns: 300 },
  );
});

it('runs a suspect alone: nothing starts beside it within ten seconds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 2, maxLength: 12 }), async (kinds) => {
      const { consumer, running, started } = setUp(4);
      for (const [index, isSuspect] of kinds.entries()) {
        consumer.accept(makeDelivery(index, isSuspect, 'json').delivery);
      }
      for (let ends = 0; ends < kinds.length; ends++) {
        await quiet();
        const suspects = [...running.keys()].filter((index) => kinds[index]);
        if (suspects.length > 0) expect(running.size).toBe(1);
        [...running.values()][0]?.resolve('done');
      }
      await quiet();
      expect(running.size).toBe(0);
      // Each had its turn, though no time has passed.
      expect(started.toSorted()).toEqual([...kinds.keys()].toSorted());
    }),
    { numRuns: 300 },
  );
});
