// "Did you mean", as a table.
import { expect, it } from 'vitest';
import { suggest } from '../src/suggestion.ts';

const known = ['RABBITMQ_HOST', 'RABBITMQ_PASSWORD', 'RABBITMQ_USER', 'CONCURRENCY', 'LOG_LEVEL'];

it.for<[string, string | undefined]>([
  ['CONCURENCY', 'CONCURRENCY'],
  ['RABBITMQ_PASS', 'RABBITMQ_PASSWORD'],
  ['RABBITMQ_USERNAME', 'RABBITMQ_USER'],
  ['RABBITMQ_HSOT', undefined],
  ['RABBITMQ_HOTS', undefined],
  ['RABBITMQ_HOS', 'RABBITMQ_HOST'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['RABBITMQ_PORT', undefined],
  ['DATABASE_URL', undefined],
  ['', undefined],
])('for %s is %s', ([name, expected]) => {
  expect(suggest(name, known)).toBe(expected);
});

it('is never the name itself', () => {
  expect(suggest('LOG_LEVEL', known)).toBeUndefined();
});
