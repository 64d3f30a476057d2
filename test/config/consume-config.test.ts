// The consume config while it is edited, removed and broken.
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConsumeConfigFile, type ConsumeConfig } from '../../src/config/consume-config.ts';
import type { MessagingType } from '../../src/config/brokers.ts';
import { createTree } from '../processor/tree.ts';

const nothing: ConsumeConfig = { exitWhenFinished: false, tuning: {} };

function open(content?: string, broker: MessagingType = 'SqsConnection') {
  const directory = createTree(content === undefined ? {} : { 'consume.env': content });
  const file = path.join(directory, 'consume.env');
  const warnings: string[] = [];
  const config = new ConsumeConfigFile({
    path: file,
    broker,
    onWarning: (message) => warnings.push(message),
  });
  return { config, file, warnings };
}

it.for<[string, Partial<ConsumeConfig>]>([
  ['EXIT_WHEN_FINISHED=1', { exitWhenFinished: true }],
  ['EXIT_WHEN_FINISHED=true\r\n', { exitWhenFinished: true }],
  ['\uFEFFEXIT_WHEN_FINISHED="yes"', { exitWhenFinished: true }],
  ['# EXIT_WHEN_FINISHED=1', {}],
  ['EXIT_WHEN_FINISHED=0', {}],
  ['EXIT_WHEN_FINISHED=', {}],
  ['VISIBILITY_TIMEOUT=1', { tuning: { VISIBILITY_TIMEOUT: 1 } }],
  ['VISIBILITY_TIMEOUT= 43200 # twelve hours', { tuning: { VISIBILITY_TIMEOUT: 43_200 } }],
  ['VISIBILITY_TIMEOUT=', {}],
  ['LISTEN_INTERVAL=0', { tuning: { LISTEN_INTERVAL: 0 } }],
  ['LISTEN_INTERVAL=20', { tuning: { LISTEN_INTERVAL: 20 } }],
  [
    'LISTEN_INTERVAL=5\nEXIT_WHEN_FINISHED=1\nVISIBILITY_TIMEOUT=600',
    { exitWhenFinished: true, tuning: { VISIBILITY_TIMEOUT: 600, LISTEN_INTERVAL: 5 } },
  ],
  ['', {}],
])('%j is read without a warning', ([content, expected]) => {
  const { config, warnings } = open(content);
  expect(config.read()).toEqual({ ...nothing, ...expected });
  expect(warnings).toEqual([]);
});

it('counts in its current version, not in an earlier one', () => {
  const { config, file } = open('EXIT_WHEN_FINISHED=0');
  expect(config.read().exitWhenFinished).toBe(false);
  writeFileSync(file, 'EXIT_WHEN_FINISHED=1 # since noon\nVISIBILITY_TIMEOUT=60');
  expect(config.read()).toEqual({ ...nothing, exitWhenFinished: true, tuning: { VISIBILITY_TIMEOUT: 60 } });
  rmSync(file);
  expect(config.read()).toEqual(nothing);
  writeFileSync(file, 'EXIT_WHEN_FINISHED=1');
  expect(config.read().exitWhenFinished).toBe(true);
});

describe('a wrong value', () => {
  it.for<[string, string, string]>([
    ['EXIT_WHEN_FINISHED', 'maybe', 'true or false'],
    ['VISIBILITY_TIMEOUT', '0', 'whole seconds from 1 to 43200'],
    ['VISIBILITY_TIMEOUT', '43201', 'whole seconds from 1 to 43200'],
    ['VISIBILITY_TIMEOUT', '1.5', 'whole seconds from 1 to 43200'],
    ['VISIBILITY_TIMEOUT', '30s', 'whole seconds from 1 to 43200'],
    ['LISTEN_INTERVAL', '21', 'whole seconds from 0 to 20'],
    ['LISTEN_INTERVAL', '-1', 'whole seconds from 0 to 20'],
  ])('is named in a warning, and ignored: %s=%s', ([name, value, expected]) => {
    const { config, file, warnings } = open(`${name}=${value}`);
    expect([config.read(), config.read()]).toEqual([nothing, nothing]);
    expect(warnings).toEqual([
      `CONSUME_CONFIG_FILE_PATH ${file}: ${name}: expected ${expected}; found "${value}"; it counts as unset`,
    ]);
  });

  it('affects no other value, and each has a warning', () => {
    const { config, warnings } = open('EXIT_WHEN_FINISHED=on\nLISTEN_INTERVAL=often\nVISIBILITY_TIMEOUT=60');
    expect(config.read()).toEqual({ ...nothing, tuning: { VISIBILITY_TIMEOUT: 60 } });
    expect(warnings).toEqual([
      expect.stringContaining('EXIT_WHEN_FINISHED: expected true or false; found "on"'),
      expect.stringContaining('LISTEN_INTERVAL: expected whole seconds from 0 to 20; found "often"'),
    ]);
  });
});

it.for(['RabbitMqConnection', 'SqliteConnection'] as const)(
  'values that only SQS uses are named once with %s, right or wrong, and the others are used',
  (broker) => {
    const content = 'VISIBILITY_TIMEOUT=60\nLISTEN_INTERVAL=x\nEXIT_WHEN_FINISHED=1';
    const { config, file, warnings } = open(content, broker);
    const expected = { ...nothing, exitWhenFinished: true };
    expect([config.read(), config.read()]).toEqual([expected, expected]);
    expect(warnings).toEqual([
      `CONSUME_CONFIG_FILE_PATH ${file}: not used with ${broker}, only on SQS: VISIBILITY_TIMEOUT, LISTEN_INTERVAL`,
    ]);
    writeFileSync(file, 'EXIT_WHEN_FINISHED=0');
    expect(config.read()).toEqual(nothing);
    expect(warnings).toHaveLength(1);
  },
);

describe('a file that cannot be read', () => {
  it('sets nothing, with one warning as long as it stays so', () => {
    const { config, file, warnings } = open();
    expect([config.read(), config.read()]).toEqual([nothing, nothing]);
    expect(warnings).toEqual([expect.stringMatching(/ENOENT.*; the file is ignored$/)]);
    expect(warnings[0]).toContain(`CONSUME_CONFIG_FILE_PATH ${file}: `);
  });

  it('is warned about again when it disappears again', () => {
    const { config, file, warnings } = open();
    config.read();
    writeFileSync(file, '');
    config.read();
    rmSync(file);
    config.read();
    expect(warnings).toHaveLength(2);
  });

  it('never throws, which would end the host', () => {
    const { config, file, warnings } = open();
    symlinkSync('consume.env', file);
    expect(config.read()).toEqual(nothing);
    expect(warnings).toEqual([expect.stringContaining('ELOOP')]);
    const directory = new ConsumeConfigFile({
      path: path.dirname(file),
      broker: 'SqsConnection',
      onWarning: (message) => warnings.push(message),
    });
    expect(directory.read()).toEqual(nothing);
    expect(warnings).toEqual([expect.any(String), expect.stringContaining('EISDIR')]);
  });
});

it('any text is read without an error, into values that are allowed; a wrong one is named', () => {
  const { config, file, warnings } = open('');
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.integer().map(String),
    fc.constantFrom('1', 'yes', ' 20 '),
  );
  const name = fc.constantFrom('VISIBILITY_TIMEOUT', 'LISTEN_INTERVAL', 'EXIT_WHEN_FINISHED', 'OTHER');
  let version = 0;
  fc.assert(
    fc.property(name, value, (variable, text) => {
      warnings.length = 0;
      // Its size tells versions apart, even within one tick of the file system's clock.
      writeFileSync(file, `#${' '.repeat(++version)}\n${variable}=${text}`);
      const { exitWhenFinished, tuning } = config.read();
      expect(typeof exitWhenFinished).toBe('boolean');
      const { VISIBILITY_TIMEOUT = 1, LISTEN_INTERVAL = 0 } = tuning;
      expect(VISIBILITY_TIMEOUT >= 1 && VISIBILITY_TIMEOUT <= 43_200).toBe(true);
      expect(LISTEN_INTERVAL >= 0 && LISTEN_INTERVAL <= 20).toBe(true);
      for (const warning of warnings)
        expect(warning).toMatch(/line \d+|VISIBILITY_TIMEOUT|LISTEN_INTERVAL|EXIT_WHEN/);
    }),
    { numRuns: 500 },
  );
});
