// The order in which the tests look for a RabbitMQ, as a table.
import { describe, expect, it } from 'vitest';
import { NoBrokerError, rabbitMqAdvice, strategiesFor, type Facts, type Strategy } from './strategy.ts';

const nothing: Facts = { url: false, running: false, installed: false, docker: false, apt: false };
const everything: Facts = { url: true, running: true, installed: true, docker: true, apt: true };

const table: readonly (readonly [string, Facts, readonly Strategy[]])[] = [
  ['RABBITMQ_URL and nothing else: that one', { ...nothing, url: true }, ['url']],
  ['RABBITMQ_URL beside all others: that one only', everything, ['url']],
  ['a running broker before a new one', { ...everything, url: false }, ['running', 'installed', 'docker']],
  [
    'an installed server before Docker',
    { ...nothing, installed: true, docker: true },
    ['installed', 'docker'],
  ],
  ['an installed server is not installed again', { ...nothing, installed: true, apt: true }, ['installed']],
  ['Docker before changing the machine', { ...nothing, docker: true, apt: true }, ['docker', 'apt']],
  ['the package if nothing else is left', { ...nothing, apt: true }, ['apt']],
  ['nothing at all', nothing, []],
];

describe('the ways to a broker', () => {
  it.each(table)('%s', (_, facts, expected) => {
    expect(strategiesFor(facts)).toEqual(expected);
  });

  it('list the attempts and the remedy if there is none', () => {
    const error = new NoBrokerError(rabbitMqAdvice, ['no Docker engine answers']).after(
      'nothing at localhost',
    );
    expect(error.message).toMatch(/- nothing at localhost\n {2}- no Docker engine answers\n/);
    expect(error.message).toContain('RABBITMQ_URL=');
    expect(error.message).toContain('apt-get install rabbitmq-server');
  });
});
