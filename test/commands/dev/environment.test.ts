// The defaults that dev assumes for unset variables.
import { describe, expect, it } from 'vitest';
import { loadDevEnvironment } from '../../../src/commands/dev/environment.ts';
import type { Environment } from '../../../src/config/environment.ts';
import { createTree } from '../../processor/tree.ts';

describe('the environment of a service under dev', () => {
  it.each<[string, Environment, string, Environment]>([
    ['nothing is set', {}, '', { NODE_ENV: 'development', LOG_FORMAT: 'pretty' }],
    [
      'an empty variable counts as unset',
      { NODE_ENV: '' },
      'LOG_FORMAT=',
      { NODE_ENV: 'development', LOG_FORMAT: 'pretty' },
    ],
    ['an env file', {}, 'NODE_ENV=test\nLOG_FORMAT=json', { NODE_ENV: 'test', LOG_FORMAT: 'json' }],
    [
      'a variable that is set wins over an env file',
      { NODE_ENV: 'test' },
      'NODE_ENV=production',
      { NODE_ENV: 'test', LOG_FORMAT: 'pretty' },
    ],
    [
      'production needs an explicit broker, and gets the embedded queue',
      {},
      'NODE_ENV=production',
      { NODE_ENV: 'production', LOG_FORMAT: 'pretty', MESSAGING_TYPE: 'SqliteConnection' },
    ],
    [
      'an explicit broker is kept',
      { NODE_ENV: 'production' },
      'MESSAGING_TYPE=RabbitMqConnection',
      { NODE_ENV: 'production', LOG_FORMAT: 'pretty', MESSAGING_TYPE: 'RabbitMqConnection' },
    ],
  ])('%s', (_name, env, file, expected) => {
    const found = { ...env };
    loadDevEnvironment(createTree({ '.env': file }), found);
    expect(found).toEqual(expected);
  });
});
