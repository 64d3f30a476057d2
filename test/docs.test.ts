// README and example env files agree with the declarations in the code. test/docs/ runs the commands of the pages.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { variables } from '../src/config/variables.ts';
import { exitMeaning } from '../src/errors.ts';

const root = path.resolve(import.meta.dirname, '..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

/** The cells of each row of the table under a heading. */
function table(heading: string): string[][] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe('the README', () => {
  it('lists each variable with its default and meaning, and no other', () => {
    const [queue, ...rows] = table('Environment');
    expect(queue?.[0]).toBe('`<Class>_QUEUE_NAME`');
    expect(rows).toEqual(
      Object.entries(variables).map(([name, { defaultText, description }]) => [
        `\`${name}\``,
        defaultText,
        description,
      ]),
    );
  });

  it('lists each exit code with its meaning', () => {
    expect(table('Exit codes')).toEqual(Object.entries(exitMeaning));
  });

  it('lists each dependency', () => {
    const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
      optionalDependencies: Record<string, string>;
      peerDependencies: Record<string, string>;
    };
    const listed = table('Dependencies').flatMap(([names]) => names!.split(', '));
    const { dependencies, optionalDependencies, peerDependencies } = manifest;
    const all = { ...dependencies, ...optionalDependencies, ...peerDependencies };
    expect(listed.sort()).toEqual(Object.keys(all).sort());
  });
});

describe('the examples of env files', () => {
  /** The variables that a file sets, or would set if they were not commented out. */
  const settings = (file: string) => {
    const text = readFileSync(path.join(root, file), 'utf8');
    return parseEnv(text.replace(/^#(?=[A-Z_]+=)/gm, ''));
  };
  /** Each variable with its default, if that is a single value. */
  const declared = (isSecret: boolean) => {
    const ofKind = Object.entries(variables).filter(([, { secret }]) => secret === isSecret);
    return Object.fromEntries(
      ofKind.map(([name, { spec, defaultText }]) => [name, spec.default === undefined ? '' : defaultText]),
    );
  };

  it('contain every variable that is not secret in .env.example, with its default', () => {
    expect(settings('.env.example')).toEqual({
      ...declared(false),
      MyServiceProcessor_QUEUE_NAME: 'my_queue',
    });
  });

  it('contain every secret in .env.secrets.example', () => {
    expect(settings('.env.secrets.example')).toEqual(declared(true));
  });
});
