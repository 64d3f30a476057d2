// The values of variables, read from their text: a table for each kind.
import { describe, expect, it } from 'vitest';
import {
  anyCaseChoice,
  choice,
  durationMs,
  flag,
  hostList,
  httpUrl,
  integer,
  numberFrom,
  type Parse,
} from '../../../src/config/variable/value.ts';

type Row = readonly [text: string, value: unknown];

/** Texts that are valid, with their values, and texts that are not, with the description of the expected value. */
const tables: readonly [string, Parse<unknown>, readonly Row[], readonly string[], string][] = [
  [
    'a flag',
    flag,
    [
      ['true', true],
      [' YES ', true],
      ['1', true],
      ['False', false],
      ['no', false],
      ['0', false],
    ],
    ['', 'on', '2', 'truee'],
    'true or false',
  ],
  [
    'a choice',
    choice('json', 'pretty'),
    [
      ['json', 'json'],
      [' pretty ', 'pretty'],
    ],
    ['JSON', '', 'text'],
    'json or pretty',
  ],
  [
    'a choice in any case',
    anyCaseChoice('CRON', 'MESSAGING'),
    [['cron ', 'CRON']],
    ['crom', ''],
    'CRON or MESSAGING',
  ],
  [
    'a whole number',
    integer(1, 10),
    [
      ['1', 1],
      [' 10 ', 10],
      ['+2', 2],
      ['3.0', 3],
    ],
    ['0', '11', '1.5', '1e1', '0x1', '', 'ten', 'Infinity'],
    'a whole number from 1 to 10',
  ],
  [
    'a number',
    numberFrom(0.5),
    [
      ['0.5', 0.5],
      ['.75', 0.75],
      ['2.', 2],
    ],
    ['0.49', '-1', '', '1,5', '1_000'],
    'a number of 0.5 or more',
  ],
  [
    'a duration that may be none',
    durationMs('zero'),
    [
      ['0', 0],
      ['0.0001', 0],
      ['1.5', 1500],
      ['4294967', 4_294_967_000],
    ],
    ['-1', '4294968', '10s', ''],
    'seconds, 0 to 4294967, decimals allowed',
  ],
  [
    'a duration',
    durationMs('positive'),
    [
      ['0.0001', 1],
      ['30', 30_000],
    ],
    ['0', '-1', '4294968'],
    'seconds, more than 0 to 4294967, decimals allowed',
  ],
  [
    'a URL',
    httpUrl,
    [
      [' http://localhost:4566 ', 'http://localhost:4566'],
      ['HTTPS://a', 'HTTPS://a'],
    ],
    ['localhost:4566', 'ftp://a', '', 'http://'],
    'a URL such as "http://localhost:4566"',
  ],
  [
    'a list of hosts',
    hostList,
    [
      ['rabbit', [{ hostname: 'rabbit', port: undefined }]],
      [
        'a:1, [::1]:65535,::1',
        [
          { hostname: 'a', port: 1 },
          { hostname: '::1', port: 65_535 },
          { hostname: '::1', port: undefined },
        ],
      ],
    ],
    ['', 'a,,b', 'a:0', 'a:65536', 'a:b', '[a]:1', '[::1', 'amqp://a', 'a b'],
    'one or more hosts by comma, each with or without a port, such as "rabbit-1,rabbit-2:5673"',
  ],
];

describe.for(tables)('%s', ([, parse, valid, invalid, expected]) => {
  it.for(valid)('can be "%s"', ([text, value]) => {
    expect(parse(text)).toEqual(value);
  });

  it.for(invalid.map((text) => [text] as const))('cannot be "%s"', ([text]) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ message: expected }) as Error);
  });
});
