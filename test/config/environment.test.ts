// Which value of a variable wins, and how env files are read.
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadEnvFiles, loadSecretFiles, type Environment } from '../../src/config/environment.ts';
import { createTree } from '../processor/tree.ts';

/** The environment after the env files of such a directory have been read into it. */
function load(files: Readonly<Record<string, string>>, env: Environment = {}): Environment {
  const set = { ...env };
  expect(loadEnvFiles(createTree(files), set).problems).toEqual([]);
  return set;
}

describe('a variable that is already set', () => {
  it('wins over .env.local, that over .env.secrets, that over .env', () => {
    const files = {
      '.env': 'A=env\nB=env\nC=env\nD=env',
      '.env.secrets': 'A=secrets\nB=secrets\nC=secrets',
      '.env.local': 'A=local\nB=local',
    };
    expect(load(files, { A: 'process' })).toEqual({ A: 'process', B: 'local', C: 'secrets', D: 'env' });
  });

  it('wins even if it is empty: that unsets a variable of a file', () => {
    expect(load({ '.env': 'A=env' }, { A: '' })).toEqual({ A: '' });
  });

  it('loses if Kubernetes has set it to the address of a Service', () => {
    const files = { '.env': 'RABBITMQ_PORT=5673\nRABBITMQ_HOST=file' };
    const env = { RABBITMQ_PORT: 'tcp://10.0.0.7:5672', RABBITMQ_HOST: 'tcp://10.0.0.7:5672' };
    expect(load(files, env)).toEqual({ RABBITMQ_PORT: '5673', RABBITMQ_HOST: 'tcp://10.0.0.7:5672' });
  });

  it('is not read from other files, such as the examples', () => {
    expect(load({ '.env.example': 'A=1', '.env.secrets.example': 'B=1', 'lib/.env': 'C=1' })).toEqual({});
  });
});

describe('an env file', () => {
  it.each<[string, string, Environment]>([
    ['ends its lines as Windows does', 'A=1\r\nB=two words\r\n', { A: '1', B: 'two words' }],
    ['begins with a byte order mark', '\uFEFFA=1\nB=2', { A: '1', B: '2' }],
    ['has comments and blank lines', '# A=0\n\n  # note\nA=1 # one\n', { A: '1' }],
    ['has quotes', `A="a # b"\nB='c # d'`, { A: 'a # b', B: 'c # d' }],
    ['has blanks around names and values', '  A = 1  \nB=\t2', { A: '1', B: '2' }],
    ['keeps blanks in quotes', 'A=" 1 "', { A: ' 1 ' }],
    ['has `export` before its names', 'export A=1', { A: '1' }],
    ['has values with = in them', 'A=b=c==', { A: 'b=c==' }],
    ['sets a name twice: the last counts', 'A=1\nA=2', { A: '2' }],
    ['sets nothing', 'A=', { A: '' }],
    ['has lines that are not settings', 'just words\nA=1', { A: '1' }],
    ['is empty', '', {}],
  ])('%s', (_what, content, expected) => {
    expect(load({ '.env': content })).toEqual(expected);
  });

  it('that does not exist is not a problem, nor is a missing directory', () => {
    expect(load({})).toEqual({});
    const nothing = { problems: [], warnings: [] };
    expect(loadEnvFiles('/no/such/directory', {})).toEqual(nothing);
    const directory = createTree({ 'package.json': '{}' });
    expect(loadEnvFiles(path.join(directory, 'package.json'), {})).toEqual(nothing);
  });

  it('that cannot be read is a problem, but the others are still read', () => {
    const directory = createTree({ '.env': 'A=1' });
    mkdirSync(path.join(directory, '.env.local'));
    symlinkSync('.env.secrets', path.join(directory, '.env.secrets'));
    const env: Environment = {};
    expect(loadEnvFiles(directory, env).problems).toEqual([
      { name: '.env.local', expected: 'a file that can be read', found: 'EISDIR' },
      { name: '.env.secrets', expected: 'a file that can be read', found: 'ELOOP' },
    ]);
    expect(env).toEqual({ A: '1' });
  });
});

it('a warning says that NODE_OPTIONS in a file has no effect', () => {
  const directory = createTree({ '.env': 'NODE_OPTIONS=--max-old-space-size=100\n' });
  expect(loadEnvFiles(directory, {}).warnings).toEqual([
    '.env: NODE_OPTIONS has no effect there, since Node reads it when it starts; set it in the environment of the process',
  ]);
});

it('a warning names the file and the line', () => {
  const directory = createTree({ '.env': 'A=1\nB=FRI#2', '.env.secrets': 'just words' });
  expect(loadEnvFiles(directory, {}).warnings).toEqual([
    '.env.secrets, line 1 is not NAME=value; it is ignored',
    '.env, line 2: B is read as python-dotenv reads it, and differently by other programs; ' +
      'quote the value to make it clear',
  ]);
});

it('a value refers to variables of the process, and of files that win over its own', () => {
  const files = { '.env.local': 'A=local', '.env': 'A=file\nC=${A} ${B} ${NONE:-fallback}' };
  expect(load(files, { B: 'process' })['C']).toBe('local process fallback');
});

describe('the file of a secret', () => {
  function read(content: string, env: Environment = {}) {
    const directory = createTree({ password: content });
    const set: Environment = { S_FILE: path.join(directory, 'password'), ...env };
    return { problems: loadSecretFiles(['S', 'T'], set), env: set };
  }

  it.each([
    ['secret\n', 'secret'],
    ['secret\r\n', 'secret'],
    ['two\n\n', 'two\n'],
    [' blanks ', ' blanks '],
    ['', ''],
  ])('%j gives %j', (content, expected) => {
    const { problems, env } = read(content);
    expect([problems, env['S']]).toEqual([[], expected]);
  });

  it('must not be set beside the secret itself; read twice, it is no contradiction', () => {
    expect(read('a', { S: 'b' }).problems).toEqual([
      { name: 'S_FILE', expected: 'either S or S_FILE', found: 'both' },
    ]);
    const { env } = read('a');
    expect(loadSecretFiles(['S'], env)).toEqual([]);
  });

  it('that cannot be read is a problem that names variable and path', () => {
    expect(read('a', { S_FILE: '/no/such/file' }).problems).toEqual([
      { name: 'S_FILE', expected: 'a file that can be read', found: '"/no/such/file" (ENOENT)' },
    ]);
  });

  it('counts as unset if it is empty', () => {
    expect(read('a', { S_FILE: '' })).toEqual({ problems: [], env: { S_FILE: '' } });
  });
});
