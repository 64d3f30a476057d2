// A copy on its way to another queue: its forms, its failures, and how long a refused one is held. On a test clock.
import { describe, expect, it } from 'vitest';
import { BrokerRefusedError, MessageRefusedError } from '../../src/errors.ts';
import { handOver } from '../../src/messaging/handover.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { keepEvents } from '../support/context.ts';

const facts = { queue: 'orders', target: 'orders_dead', messageId: 'id-1' };
const full = new MessageRefusedError('orders_dead', 'the queue is full', { canShrink: false });
const large = new MessageRefusedError('orders_dead', 'too large', { canShrink: true });

/** Hands a message over to a broker that answers by `refuse`. */
function start(
  refuse: (
    form: string,
    tries: number,
    ends: { lost: AbortController; drained: AbortController },
  ) => Error | undefined,
  longestHoldMs?: number,
) {
  const clock = new TestClock();
  const { emit, events } = keepEvents();
  const [lost, drained] = [new AbortController(), new AbortController()];
  const sent: string[] = [];
  const places: boolean[] = [];
  const state = { held: 0, end: '' };
  const ended = handOver(
    { clock, emit },
    {
      facts,
      forms: ['whole', 'reduced', 'least'],
      send: (form) => {
        sent.push(form);
        const error = refuse(form, sent.length, { lost, drained });
        return error ? Promise.reject(error) : Promise.resolve();
      },
      lost: lost.signal,
      drained: drained.signal,
      onHeld: () => ++state.held > 0,
      onPlace: (isFree) => places.push(isFree),
      ...(longestHoldMs !== undefined && { longestHoldMs }),
    },
  );
  ended.then(
    (end) => (state.end = end),
    () => (state.end = 'failed'),
  );
  const kinds = () => events.map(({ kind }) => kind);
  return { clock, events, kinds, lost, drained, sent, places, state, ended };
}

describe('a copy', () => {
  it('that the broker takes is sent once', async () => {
    const { ended, sent, kinds } = start(() => undefined);
    expect(await ended).toBe('moved');
    expect([sent, kinds()]).toEqual([['whole'], []]);
  });

  it('that is too large is sent with less and less in it, which is reported once', async () => {
    const { ended, sent, events } = start((form) => (form === 'least' ? undefined : large));
    expect(await ended).toBe('moved');
    expect(sent).toEqual(['whole', 'reduced', 'least']);
    expect(events).toEqual([{ kind: 'copy-reduced', ...facts, error: large }]);
  });

  it('that fails is sent again soon, and is not made smaller', async () => {
    const { clock, ended, sent, kinds } = start((_form, tries) =>
      tries < 4 ? new Error('ECONNRESET') : undefined,
    );
    await clock.advance(2_000);
    expect(await ended).toBe('moved');
    expect([sent, kinds()]).toEqual([Array(4).fill('whole'), Array(3).fill('copy-refused')]);
  });

  it('ends the service if retrying cannot help', async () => {
    const { ended } = start(() => new BrokerRefusedError('no rights'));
    await expect(ended).rejects.toThrow('no rights');
  });

  it('of a lost message is given up, without another word', async () => {
    const handover = start((_form, _tries, { lost }) => {
      lost.abort();
      return new Error('the channel is gone');
    });
    expect(await handover.ended).toBe('lost');
    expect(handover.kinds()).toEqual([]);
  });
});

describe('a message whose copy is refused', () => {
  it('is held, gives up its place once, and is tried again after 1, 2, 4 s and so on', async () => {
    const { clock, events, places, state, sent } = start(() => full);
    await clock.advance(0);
    for (const seconds of [1, 2, 4, 8]) {
      expect(events.at(-1)).toMatchObject({ kind: 'copy-held', retryInMs: seconds * 1000, error: full });
      await clock.advance(seconds * 1000);
    }
    expect([sent.length, state.held, places]).toEqual([5, 1, [true]]);
  });

  it('is tried again every 15 minutes in the end', async () => {
    const { clock, events } = start(() => full);
    await clock.advance(24 * 3_600_000);
    const pauses = events.map((event) => 'retryInMs' in event && event.retryInMs);
    expect(Math.max(...pauses.map(Number))).toBe(900_000);
    expect(pauses.slice(-3)).toEqual([900_000, 900_000, 900_000]);
    expect(events.at(-1)).toMatchObject({ refusals: events.length });
  });

  it('moves once the broker takes it, in full, and takes its place again', async () => {
    let isFull = true;
    const { clock, ended, sent, places } = start((form) => {
      if (isFull) return form === 'least' ? full : large;
      return undefined;
    });
    await clock.advance(500);
    isFull = false;
    await clock.advance(500);
    expect(await ended).toBe('moved');
    expect([sent, places]).toEqual([
      ['whole', 'reduced', 'least', 'whole'],
      [true, false],
    ]);
  });

  it('is held after five failures as well, so that it does not block the others', async () => {
    const { clock, kinds, state } = start(() => new Error('no answer'));
    await clock.advance(1_700);
    expect(kinds()).toEqual([...Array<string>(4).fill('copy-refused'), 'copy-held']);
    expect(state.held).toBe(1);
  });

  it.for<[string, (handover: ReturnType<typeof start>) => void, string]>([
    ['requeued when the consumer has drained', ({ drained }) => drained.abort(), 'unmoved'],
    ['given up when it is lost', ({ lost }) => lost.abort(), 'lost'],
  ])('is %s', async ([, act, end]) => {
    const handover = start(() => full);
    await handover.clock.advance(10);
    act(handover);
    expect(await handover.ended).toBe(end);
    expect(handover.places).toEqual([true, false]);
  });

  it('is requeued at once after a drain', async () => {
    const handover = start((_form, _tries, { drained }) => {
      drained.abort();
      return full;
    });
    expect(await handover.ended).toBe('unmoved');
    expect([handover.places, handover.kinds()]).toEqual([[], ['copy-held']]);
  });

  it('is requeued after the longest time that its broker allows', async () => {
    const handover = start(() => full, 10_000);
    await handover.clock.advance(9_999);
    expect(handover.state.end).toBe('');
    await handover.clock.advance(1);
    expect(await handover.ended).toBe('unmoved');
  });
});
