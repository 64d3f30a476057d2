// Error codes: all declared in one place, and listed in the docs.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import * as errors from '../src/errors.ts';

const root = path.resolve(import.meta.dirname, '..');

it('docs/errors.md lists every code with its meaning, in the order of errors.ts', () => {
  const page = readFileSync(path.join(root, 'docs/errors.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` *\| (.*?) *\|$/gm)].map(([, code, meaning]) => [
    code,
    meaning,
  ]);
  expect(rows).toEqual(Object.entries(errors.errorMeaning));
});

it('every code is the code of an error', () => {
  const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('template'))
    .map((file) => readFileSync(path.join(root, 'src', file), 'utf8'))
    .join('\n');
  for (const code of Object.keys(errors.errorMeaning)) expect(sources).toContain(`'${code}'`);
});

it('every exported error is a SvchostError that carries its name', () => {
  const made = [
    new errors.UsageError('no'),
    new errors.ConfigurationError([]),
    new errors.ProcessorError('no'),
    new errors.BrokerRefusedError('no'),
    new errors.UnreachableError('here', 1000, 'no'),
    new errors.NotConnectedError('here'),
    new errors.SendError('orders', 'no'),
    new errors.UnroutableError('orders'),
    new errors.MessageRefusedError('orders', 'no', { canShrink: false }),
    new errors.UnwritableError('orders', new Error('no')),
    new errors.UnsupportedError('no'),
    new errors.DeadLetterError('no'),
    new errors.DatabaseError('no'),
    new errors.NotWrittenError('no'),
  ];
  const classes = Object.entries(errors).flatMap(([name, value]) =>
    typeof value === 'function' && name.endsWith('Error') && name !== 'SvchostError' && name !== 'toError'
      ? [name]
      : [],
  );
  expect(made.map(({ name }) => name).sort()).toEqual(classes.sort());
  for (const error of made) expect(error).toBeInstanceOf(errors.SvchostError);
});
