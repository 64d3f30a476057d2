// Headers with which a sender could make a service believe what is not so.
import { describe, expect, it } from 'vitest';
import { header } from '../../../src/messaging/dead-letter.ts';
import { deadLetters, rabbitMqBroker } from '../../service/broker.ts';
import { host } from '../../service/hosted.ts';

const classic = rabbitMqBroker();
const quorum = rabbitMqBroker({ queueType: 'quorum' });
const retry = { maxAttempts: 3, initialDelayMs: 20, factor: 1, maxDelayMs: 20 };

describe.for([
  ['classic', classic],
  ['quorum', quorum],
] as const)('on a %s queue', ([, broker]) => {
  it.for([99, 1e9])('a count of deliveries (%i) that a sender wrote kills no message', async (count) => {
    const queue = await broker.queue();
    await broker.publish(queue, Buffer.from('1'), { headers: { 'x-delivery-count': count } });
    const service = await host(broker.adapter(), queue, () => undefined, { retry });
    await service.settled(1);
    expect(service.records).toMatchObject([{ outcome: { kind: 'done' } }]);
    await service.stop();
  });

  it('an attempt that a sender wrote uses up none, even with the history of a copy', async () => {
    const queue = await broker.queue();
    const death = {
      queue: `${queue}_retry_20`,
      reason: 'expired',
      count: 1,
      exchange: '',
      'routing-keys': [queue],
    };
    const headers = { [header.attempt]: 1_000_000_000, 'x-death': [death] };
    await broker.publish(queue, Buffer.from('1'), { headers });
    const service = await host(
      broker.adapter(),
      queue,
      () => {
        throw new Error('always');
      },
      { retry },
    );
    await service.settled(3);
    expect(service.calls.map(({ context }) => context.attempt)).toEqual([1, 2, 3]);
    const [letter] = await deadLetters(broker, queue, 1);
    expect(letter!.headers).toMatchObject({ [header.reason]: 'failed', [header.attempts]: 3 });
    await service.stop();
  });

  it('an attempt that a sender wrote is in the dead letter as a claim', async () => {
    const queue = await broker.queue();
    const death = {
      queue: `${queue}_retry_20`,
      reason: 'expired',
      count: 1,
      exchange: '',
      'routing-keys': [queue],
    };
    await broker.publish(queue, Buffer.from('not JSON'), {
      headers: { [header.attempt]: 1_000_000_000, 'x-death': [death] },
    });
    const service = await host(broker.adapter(), queue, () => undefined, { retry });
    await service.settled(1);
    const [letter] = await deadLetters(broker, queue, 1);
    // A broker that keeps no x-death of a client believes no history at all.
    const claim = letter!.headers[header.claimedAttempt];
    expect([undefined, 1_000_000_000]).toContain(claim);
    expect(letter!.headers).toMatchObject({ [header.attempts]: 1 });
    await service.stop();
  });
});
