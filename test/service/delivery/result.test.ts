// What `process` may return: work that has not begun is not done.
import { describe, expect, it } from 'vitest';
import { DeadLetterError } from '../../../src/errors.ts';
import { finished } from '../../../src/service/delivery/result.ts';
import { runMessages, runOnce } from '../../../src/testing/index.ts';

const rejecting = (message: string) => Promise.reject(new Error(message));

describe('a result', () => {
  it.each([
    undefined,
    null,
    0,
    'done',
    [],
    [1, 2],
    { id: 1 },
    new Map(),
    { next: 'page' },
    { next: () => 1 },
    { subscribe: () => 1 },
  ])('of any other kind is one: %j', (result) => {
    expect(finished(result)).toBe(result);
  });

  it.each<[string, unknown]>([
    ['an iterator', [1].values()],
    ['an iterator', (function* () {})()],
    ['an iterator', (async function* () {})()],
    ['an observable', { subscribe() {}, pipe() {} }],
    ['a function', () => 1],
  ])('that is %s is a failure', (what, result) => {
    expect(() => finished(result)).toThrow(`process returned ${what}, so its work has not begun`);
  });

  it('that is an array of promises is awaited, all of them', async () => {
    let isDone = false;
    const late = new Promise<number>((resolve) =>
      setImmediate(() => {
        isDone = true;
        resolve(2);
      }),
    );
    expect(await finished([Promise.resolve(1), late, 3])).toEqual([1, 2, 3]);
    const later = new Promise<void>((resolve) => setImmediate(resolve)).then(() => (isDone = false));
    await expect(finished([rejecting('one'), later])).rejects.toThrow('one');
    expect(isDone).toBe(false);
  });

  it('that is an array of promises fails with their reasons', async () => {
    const gone = new DeadLetterError('never');
    await expect(finished([Promise.reject(gone), 1])).rejects.toBe(gone);
    await expect(finished([rejecting('a'), Promise.resolve(1), rejecting('b')])).rejects.toMatchObject({
      message: '2 of 3 promises were rejected',
      errors: [{ message: 'a' }, { message: 'b' }],
    });
  });

  it('that is a proxy which throws is a result as any other', () => {
    const proxy = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no');
        },
      },
    );
    expect(finished(proxy)).toBe(proxy);
  });
});

it('a message whose work has not begun is retried, then a dead letter that says what was returned', async () => {
  async function* work() {
    yield await Promise.resolve(1);
  }
  const { deliveries, deadLetters } = await runMessages({ process: () => work() }, [1], { maxAttempts: 2 });
  expect(deliveries.map(({ outcome }) => outcome)).toEqual(['retry', 'dead']);
  expect(deadLetters[0]?.error).toContain('NotBegunError: process returned an iterator');
});

it('a run on a schedule whose work has not begun fails', async () => {
  await expect(runOnce({ process: () => () => undefined })).rejects.toThrow('process returned a function');
});
