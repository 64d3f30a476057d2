// The names of a processor's queues.
import { describe, expect, it } from 'vitest';
import type { Environment } from '../../src/config/environment.ts';
import { readQueueNames } from '../../src/config/queue-name.ts';
import { readSettings } from '../../src/config/settings.ts';

const variable = 'MailServiceProcessor_QUEUE_NAME';

function read(env: Environment) {
  const { settings } = readSettings(env, { serviceDirectory: '/srv/mail', isTerminal: false });
  return readQueueNames('MailServiceProcessor', settings, env);
}

describe('the queue', () => {
  it.each<[string, Environment, string]>([
    ['the name alone, without a prefix', {}, 'mail'],
    ['the name alone, with an empty prefix', { QUEUE_NAME_PREFIX: '' }, 'mail'],
    ['prefix and name', { QUEUE_NAME_PREFIX: 'CST_' }, 'CST_mail'],
    ['whatever the brokers allow', { [variable]: 'mail.in/büro ✉' }, 'mail.in/büro ✉'],
    ['at most 238 bytes', { [variable]: 'x'.repeat(238) }, 'x'.repeat(238)],
    ['at most 238 bytes with its prefix', { QUEUE_NAME_PREFIX: 'x'.repeat(234) }, `${'x'.repeat(234)}mail`],
  ])('is called %s', (_what, env, queueName) => {
    expect(read({ [variable]: 'mail', ...env })).toEqual({
      queueName,
      deadLetterQueueName: `${queueName}_dead`,
    });
  });

  it('of SQS has its suffix before .fifo', () => {
    const sqs = { MESSAGING_TYPE: 'SqsConnection', AWS_REGION: 'eu-central-1' };
    expect(read({ ...sqs, [variable]: 'mail.fifo' })).toEqual({
      queueName: 'mail.fifo',
      deadLetterQueueName: 'mail_dead.fifo',
    });
    expect(read({ ...sqs, [variable]: 'mail' })).toMatchObject({ deadLetterQueueName: 'mail_dead' });
  });

  it.each<[string, Environment, string]>([
    ['a character that SQS forbids', { [variable]: 'mail.in' }, variable],
    ['nothing before .fifo', { [variable]: '.fifo' }, variable],
    ['more than 80 characters', { [variable]: 'x'.repeat(81) }, variable],
    ['no room for its dead letters', { [variable]: 'x'.repeat(76) }, 'DEAD_LETTER_QUEUE_NAME'],
    [
      'a dead-letter queue that is not FIFO',
      { [variable]: 'mail.fifo', DEAD_LETTER_QUEUE_NAME: 'graveyard' },
      'DEAD_LETTER_QUEUE_NAME',
    ],
  ])('of SQS with %s is a problem', (_what, env, name) => {
    const sqs = { MESSAGING_TYPE: 'SqsConnection', AWS_REGION: 'eu-central-1' };
    expect(read({ ...sqs, ...env })).toMatchObject({ name });
  });

  it.each<[string, Environment]>([
    ['longer than 238 bytes', { [variable]: 'x'.repeat(239) }],
    ['longer than 238 bytes with its prefix', { QUEUE_NAME_PREFIX: 'x'.repeat(235) }],
    ['longer than 238 bytes, though not letters', { [variable]: 'ü'.repeat(120) }],
  ])('may not be %s: the names of wait queues must fit as well', (_what, env) => {
    expect(read({ [variable]: 'mail', ...env })).toMatchObject({
      name: variable,
      expected: 'a queue name of at most 238 bytes, prefix included',
    });
  });
});

describe('a queue without a name', () => {
  it.each<[string, Environment, string]>([
    ['unset', {}, 'nothing'],
    ['empty', { [variable]: '' }, 'nothing'],
    ['blank', { [variable]: ' ' }, 'nothing'],
    ['unset beside the prefix', { QUEUE_NAME_PREFIX: 'CST_' }, 'nothing'],
    ['unset beside the name of the dead-letter queue', { DEAD_LETTER_QUEUE_NAME: 'x' }, 'nothing'],
    [
      'misspelt',
      { Other_QUEUE_NAME: 'x', MailServicePrOcessor_QUEUE_NAME: 'x' },
      'nothing, although MailServicePrOcessor_QUEUE_NAME is set',
    ],
    [
      'named after another class',
      { LoggingServiceProcessor_QUEUE_NAME: 'x' },
      'nothing, although LoggingServiceProcessor_QUEUE_NAME is set',
    ],
  ])('is a problem: %s', (_what, env, found) => {
    const expected = 'the name of the queue that the processor consumes';
    expect(read(env)).toEqual({ name: variable, expected, found });
  });
});

describe('the dead-letter queue', () => {
  it('may have a name of its own, which takes no prefix', () => {
    const env = { [variable]: 'mail', QUEUE_NAME_PREFIX: 'CST_', DEAD_LETTER_QUEUE_NAME: 'graveyard' };
    expect(read(env)).toEqual({ queueName: 'CST_mail', deadLetterQueueName: 'graveyard' });
  });

  it('is not the queue itself: dead letters would be processed for ever', () => {
    const env = { [variable]: 'mail', QUEUE_NAME_PREFIX: 'CST_', DEAD_LETTER_QUEUE_NAME: 'CST_mail' };
    expect(read(env)).toEqual({
      name: 'DEAD_LETTER_QUEUE_NAME',
      expected: "a queue other than the service's own",
      found: '"CST_mail"',
    });
  });

  it('has a name of at most 255 bytes', () => {
    expect(read({ [variable]: 'mail', DEAD_LETTER_QUEUE_NAME: 'x'.repeat(255) })).toMatchObject({
      deadLetterQueueName: 'x'.repeat(255),
    });
    expect(read({ [variable]: 'mail', DEAD_LETTER_QUEUE_NAME: 'x'.repeat(256) })).toMatchObject({
      name: 'DEAD_LETTER_QUEUE_NAME',
      expected: 'a queue name of at most 255 bytes',
    });
  });
});
