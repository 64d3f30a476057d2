// The description of a failure: whatever user code throws, describing it does not fail, and has a bounded length.
import { describe, expect, it } from 'vitest';
import { outcomeOfError } from '../../../src/service/delivery/outcome.ts';
import { CrashError, failureOf, InvalidMessageError } from '../../../src/service/delivery/failure.ts';
import { describeBriefly, describeThrown, explain, legible } from '../../../src/thrown.ts';

const cyclic: Record<string, unknown> = { password: 'secret' };
cyclic['self'] = cyclic;

/** Values to throw, and their descriptions. */
const thrown: Record<string, [unknown, { name: string; message: string }]> = {
  'an error': [new TypeError('no'), { name: 'TypeError', message: 'no' }],
  'an error with a cause': [new Error('no', { cause: cyclic }), { name: 'Error', message: 'no' }],
  'a frozen error': [Object.freeze(new RangeError('no')), { name: 'RangeError', message: 'no' }],
  'an error without a message': [new Error(), { name: 'Error', message: '' }],
  'an AbortError': [
    AbortSignal.abort().reason,
    { name: 'AbortError', message: 'This operation was aborted' },
  ],
  'a string': ['out of order', { name: 'Error', message: 'out of order' }],
  nothing: [undefined, { name: 'Error', message: 'undefined was thrown instead of an Error' }],
  null: [null, { name: 'Error', message: 'null was thrown instead of an Error' }],
  'a number': [42, { name: 'Error', message: 'number was thrown instead of an Error' }],
  'a symbol': [Symbol('s'), { name: 'Error', message: 'symbol was thrown instead of an Error' }],
  'a function': [() => 1, { name: 'Error', message: 'function was thrown instead of an Error' }],
  'an object, whose content is kept out': [
    cyclic,
    { name: 'Error', message: 'object was thrown instead of an Error' },
  ],
  'an object without a prototype': [
    Object.create(null),
    { name: 'Error', message: 'object was thrown instead of an Error' },
  ],
  'an error whose name and message are no strings': [
    Object.assign(new Error('no'), { name: 42, message: cyclic, stack: Symbol('s') }),
    { name: 'Error', message: '' },
  ],
  'an error whose message cannot be read': [
    Object.defineProperty(new Error(), 'message', { get: fail }),
    { name: 'Error', message: 'an object was thrown that cannot be read' },
  ],
  'an error whose code cannot be read': [
    Object.defineProperty(new Error('no'), 'code', { get: fail }),
    { name: 'Error', message: 'an object was thrown that cannot be read' },
  ],
  'a proxy that lets nobody look': [
    new Proxy(new Error('no'), { get: fail, getPrototypeOf: fail, has: fail }),
    { name: 'Error', message: 'an object was thrown that cannot be read' },
  ],
  'a revoked proxy': [revoked(), { name: 'Error', message: 'an object was thrown that cannot be read' }],
  'an error with half a character': [new Error('\ud83d'), { name: 'Error', message: '\ud83d' }],
};

function fail(): never {
  throw new Error('no looking');
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });

describe('the causes of an error', () => {
  it('are described, with their codes and stacks, and in a dead letter by their messages', () => {
    const error = new TypeError('no order', { cause: new Error('no database', { cause: refused }) });
    expect(describeThrown(error)).toMatchObject({
      name: 'TypeError',
      message: 'no order',
      stack: expect.stringContaining('failure.test.ts') as string,
      cause: {
        message: 'no database',
        stack: expect.stringContaining('failure.test.ts') as string,
        cause: { message: 'connect ECONNREFUSED 127.0.0.1:5432', code: 'ECONNREFUSED' },
      },
    });
    expect(describeBriefly(error)).toEqual({
      name: 'TypeError',
      message: 'no order',
      cause: {
        name: 'Error',
        message: 'no database',
        cause: { name: 'Error', message: refused.message, code: 'ECONNREFUSED' },
      },
    });
    expect(failureOf(error)).toEqual({
      name: 'TypeError',
      message: 'no order; caused by Error: no database; caused by Error: connect ECONNREFUSED 127.0.0.1:5432',
    });
  });

  it('include the errors of an AggregateError, five at most', () => {
    const errors = Array.from({ length: 9 }, (_, index) => new Error(`host ${index}`));
    const described = describeThrown(new AggregateError(errors, 'all failed'));
    expect(failureOf(new AggregateError([new Error('one')], 'all')).message).toBe(
      'all; caused by Error: one',
    );
    expect(described.errors?.map(({ message }) => message)).toEqual([
      'host 0',
      'host 1',
      'host 2',
      'host 3',
      'host 4',
    ]);
  });

  it('include a code that no message has', () => {
    const cause = Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' });
    expect(explain(new Error('not sent', { cause }))).toBe(
      'not sent; caused by Error: no answer (ETIMEDOUT)',
    );
  });

  it('are not repeated if the message quotes them', () => {
    expect(explain(new Error(`not sent: ${refused.message}`, { cause: refused }))).toBe(
      `not sent: ${refused.message}`,
    );
  });

  it('are errors and texts only: an object may hold content', () => {
    const error = new Error('no', { cause: { body: 'secret' } });
    expect(JSON.stringify([describeThrown(error), failureOf(error)])).not.toContain('secret');
    expect(describeThrown(new Error('no', { cause: 'too late' })).cause?.message).toBe('too late');
  });

  it('may be a cycle, or without end, or impossible to read', () => {
    const cycle = new Error('a');
    cycle.cause = new Error('b', { cause: cycle });
    const endless = new Error('endless');
    Object.defineProperty(endless, 'cause', { get: () => new Error('next', { cause: endless }) });
    const unreadable = new Error('no');
    Object.defineProperty(unreadable, 'cause', { get: fail });
    const proxies = new AggregateError([], 'all');
    proxies.errors = new Proxy([], { get: fail }) as Error[];
    for (const error of [cycle, endless, unreadable, proxies, new Error('no', { cause: revoked() })]) {
      expect(JSON.stringify(describeThrown(error)).length).toBeLessThan(50_000);
      expect(failureOf(legible(error)).message.length).toBeLessThanOrEqual(1_000);
    }
  });
});

describe('a value that user code throws', () => {
  it.for(Object.entries(thrown))('can be %s', ([, [value, expected]]) => {
    const error = legible(value);
    expect(failureOf(error)).toEqual(expected);
    expect(describeThrown(value)).toMatchObject(expected);
    expect(() => JSON.stringify(describeThrown(value))).not.toThrow();
    const policy = { maxAttempts: 2, initialDelayMs: 1, factor: 1, maxDelayMs: 1 };
    expect(outcomeOfError(error, 1, policy)).toMatchObject({ kind: 'retry', error: expected });
    expect(new CrashError(value).message).toBe(`uncaught ${expected.name}: ${expected.message}`);
  });

  it('is cut to a length that fits into headers and log lines', () => {
    const error = new Error('ü'.repeat(10_000_000));
    error.name = 'n'.repeat(10_000);
    const { name, message } = failureOf(error);
    expect([name.length, message.length]).toEqual([100, 1000]);
    expect(JSON.stringify(describeThrown(error)).length).toBeLessThan(15_000);
    const issues = Array.from({ length: 100_000 }, (_, index) => ({ message: 'no', path: [index] }));
    expect(failureOf(new InvalidMessageError(issues)).message).toHaveLength(1000);
    expect(describeThrown(new InvalidMessageError(issues)).message).toHaveLength(1000);
  });
});

describe('the refusal of a schema', () => {
  it.for<[string, ConstructorParameters<typeof InvalidMessageError>[0], string, string]>([
    ['of the whole', [{ message: 'not an object' }], 'the message', 'the message: not an object'],
    ['with an empty path', [{ message: 'no', path: [] }], 'the message', 'the message: no'],
    [
      'of a place in it',
      [{ message: 'no', path: ['a', 0, Symbol('b')] }],
      'a.0.Symbol(b)',
      'a.0.Symbol(b): no',
    ],
    ['with a path of objects', [{ message: 'no', path: [{ key: 'a' }, { key: 1 }] }], 'a.1', 'a.1: no'],
    [
      'of several places',
      [
        { message: 'x is not y', path: ['a'] },
        { message: 'no', path: ['b'] },
      ],
      'a, b',
      'a: x is not y; b: no',
    ],
  ])('%s names the places in the log, and the faults in the dead letter', ([, issues, places, details]) => {
    const error = new InvalidMessageError(issues);
    expect(error.message).toBe(`the schema refused ${places}`);
    expect(failureOf(error)).toEqual({ name: 'InvalidMessageError', message: details });
  });
});
