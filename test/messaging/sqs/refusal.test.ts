// Refusals while a service runs: tried again for a minute, since rights and keys are changed one after the other; then
// exit code 69.
import { describe, expect, it, vi } from 'vitest';
import { DeadLetterError } from '../../../src/errors.ts';
import type { BrokerEvent } from '../../../src/messaging/event.ts';
import { Patience } from '../../../src/messaging/patience.ts';
import { host } from '../../service/hosted.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { createRig, eventsOf, remaining, type Rig } from './rig.ts';
import { SkewedClock } from '../../support/skewed-clock.ts';

const patience = { timeout: 20_000, interval: 10 };

describe('the patience', () => {
  it.for<[string, readonly number[], readonly boolean[]]>([
    ['is over after more than a minute of refusals', [0, 30, 60, 61], [false, false, false, true]],
    ['starts again after a minute without one', [0, 40, 101, 150, 162], [false, false, false, false, true]],
    ['is not over with the first one', [0, 1000], [false, false]],
  ])('%s', ([, seconds, expected]) => {
    const clock = new TestClock();
    const start = clock.now();
    const borne = new Patience(clock, 60_000);
    const over = seconds.map((second) => {
      clock.block(start + second * 1000 - clock.now());
      return borne.refused();
    });
    expect(over).toEqual(expected);
  });

  it('starts again with each call that is not refused', () => {
    const clock = new TestClock();
    const borne = new Patience(clock, 60_000);
    borne.refused();
    clock.block(50_000);
    borne.renew();
    expect(borne.refused()).toBe(false);
    clock.block(50_000);
    expect(borne.refused()).toBe(false);
  });
});

/** Waits for one more event of a kind. */
async function reported(rig: Rig, kind: BrokerEvent['kind']): Promise<void> {
  const count = () => eventsOf(rig, kind).length;
  const before = count();
  await vi.waitFor(() => expect(count()).toBeGreaterThan(before), patience);
}

describe('a service ends with 69', () => {
  it.for<[error: string, hint: string]>([
    ['AccessDeniedException', 'sqs:ReceiveMessage'],
    ['ExpiredTokenException', 'expired credentials'],
  ])('when receives are refused for more than a minute: %s', async ([error, hint]) => {
    const clock = new SkewedClock();
    await using rig = await createRig({ listenIntervalS: 1 }, clock);
    const queue = rig.createQueue();
    const service = await host(rig.adapter, queue, () => undefined);
    rig.proxy.rule = (action) => (action === 'ReceiveMessage' ? { error, status: 403 } : 'pass');
    for (let jumps = 1; jumps <= 2; jumps++) {
      await reported(rig, 'consumer-lost');
      clock.skip(40_000);
    }
    expect(await service.ended).toBe(69);
    const message = String(service.service.failure);
    for (const part of [hint, 'eu-central-1']) expect(message).toContain(part);
  });

  it.for<[right: string, kind: BrokerEvent['kind']]>([
    ['DeleteMessage', 'settle-failed'],
    ['SendMessage', 'copy-refused'],
  ])(
    'when %s is denied for as long, though its messages are lost and redelivered meanwhile',
    async ([right, kind]) => {
      const clock = new SkewedClock();
      await using rig = await createRig({ listenIntervalS: 1, visibilityTimeoutS: 1 }, clock);
      const queue = rig.createQueue();
      rig.fill(queue, 1);
      rig.proxy.rule = (action) => {
        // No lease is renewed either: each ends long before the minute is over.
        if (action === 'ReceiveMessage' || action.startsWith('Get') || action.startsWith('Create'))
          return 'pass';
        return { error: 'AccessDeniedException', status: 403 };
      };
      const service = await host(rig.adapter, queue, () => {
        if (right === 'SendMessage') throw new DeadLetterError('no');
      });
      for (let jumps = 1; jumps <= 2; jumps++) {
        await reported(rig, kind);
        clock.skip(40_000);
        if (jumps === 1) await service.called(2);
      }
      expect(await service.ended).toBe(69);
      expect(String(service.service.failure)).toContain(`sqs:${right}`);
      expect(remaining(rig, queue)).toBe(1);
    },
  );
});
