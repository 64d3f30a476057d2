// The facts that package.json states about a service.
import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ProcessorError } from '../../src/errors.ts';
import { readServiceDirectory } from '../../src/processor/directory.ts';
import { createTree } from './tree.ts';

function entryOf(manifest: unknown): string | undefined {
  return readServiceDirectory(createTree({ 'package.json': manifest })).entry;
}

function failureOf(directory: string): ProcessorError {
  try {
    readServiceDirectory(directory);
  } catch (error) {
    if (error instanceof ProcessorError) return error;
    throw error;
  }
  throw new Error('it was read');
}

describe('a service', () => {
  it('has the name and version of its package.json', () => {
    const directory = createTree({ 'package.json': { name: '@acme/mail', version: '1.2.3-beta.4' } });
    expect(readServiceDirectory(directory)).toEqual({
      path: directory,
      name: '@acme/mail',
      version: '1.2.3-beta.4',
      entry: undefined,
    });
  });

  it.each([[{}], [{ name: '', version: '' }], [{ name: 7, version: null }]])(
    'is named after its directory, version 0.0.0, with %j',
    (manifest) => {
      const directory = createTree({ 'package.json': manifest });
      const expected = { name: path.basename(directory), version: '0.0.0' };
      expect(readServiceDirectory(directory)).toMatchObject(expected);
    },
  );

  it('may have a package.json that begins with a byte order mark, as npm allows', () => {
    const directory = createTree({ 'package.json': '\uFEFF{"name":"mail"}' });
    expect(readServiceDirectory(directory).name).toBe('mail');
  });

  it('has its real path, so that a service behind a link is found there', () => {
    const directory = createTree({ 'service/package.json': {} });
    symlinkSync('service', path.join(directory, 'link'));
    expect(readServiceDirectory(path.join(directory, 'link')).path).toBe(path.join(directory, 'service'));
  });
});

describe('its entry', () => {
  it.each<[string, unknown, string | undefined]>([
    ['none', {}, undefined],
    ['main', { main: './a.js' }, './a.js'],
    ['exports before main', { main: './a.js', exports: './b.js' }, './b.js'],
    ['main if there are no exports', { main: './a.js', exports: { './x': './b.js' } }, './a.js'],
    ['main if exports are null', { main: './a.js', exports: null }, './a.js'],
    ['main if exports are an array', { main: './a.js', exports: ['./b.js'] }, './a.js'],
    ['a condition', { exports: { default: './b.js' } }, './b.js'],
    ['import before require', { exports: { require: './c.cjs', import: './b.js' } }, './b.js'],
    ['node before import', { exports: { import: './c.js', node: './b.js' } }, './b.js'],
    ['require before default', { exports: { default: './c.js', require: './b.cjs' } }, './b.cjs'],
    ['not types or browser', { exports: { types: './b.d.ts', browser: './c.js' } }, undefined],
    ['the dot', { exports: { '.': './b.js', './x': './c.js' } }, './b.js'],
    ['a condition of the dot', { exports: { '.': { import: './b.js' } } }, './b.js'],
    [
      'nested conditions',
      { exports: { '.': { node: { require: './c.cjs', import: './b.js' }, default: './d.js' } } },
      './b.js',
    ],
    ['the next condition if one has none', { exports: { node: {}, default: './b.js' } }, './b.js'],
    ['none if main is not text', { main: 7 }, undefined],
  ])('is %s', (_what, manifest, expected) => {
    expect(entryOf(manifest)).toBe(expected);
  });
});

describe('a directory without a usable package.json', () => {
  it('is an error that names the place that was searched, and the remedy', () => {
    const directory = createTree({ 'processor.ts': '' });
    const error = failureOf(directory);
    expect(error.message).toBe(
      `no ${directory}/package.json: start svchost in a service directory, or name one with --dir`,
    );
    expect(error).toMatchObject({ code: 'PROCESSOR', exitCode: 70 });
  });

  it('that does not even exist gets the same error', () => {
    expect(failureOf('/no/such').message).toMatch('no /no/such/package.json: start svchost in');
  });

  it.each([
    ['is truncated', '{"name": "mail"', /^cannot read .*\/package\.json: .*JSON/],
    ['is empty', '', /^cannot read .*\/package\.json: .*JSON/],
    ['is an array', '[]', /\/package\.json is not a JSON object$/],
    ['is null', 'null', /\/package\.json is not a JSON object$/],
    ['is text', '"mail"', /\/package\.json is not a JSON object$/],
  ])('is an error: it %s', (_what, content, message) => {
    expect(failureOf(createTree({ 'package.json': content })).message).toMatch(message);
  });
});
