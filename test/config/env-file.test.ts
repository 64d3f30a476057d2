// Env files by the rules of python-dotenv. The rows are what python-dotenv 1.0 makes of the same text.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEnvFile } from '../../src/config/env-file.ts';

describe('an env file', () => {
  it.each<[content: string, expected: Record<string, string>]>([
    ['A=b', { A: 'b' }],
    ['A=b # c', { A: 'b' }],
    ['A=b#c', { A: 'b#c' }],
    ['CRON=0 9 * * FRI#2', { CRON: '0 9 * * FRI#2' }],
    ['A=b\t#c', { A: 'b' }],
    ['A = b ', { A: 'b' }],
    ["A='b # c'", { A: 'b # c' }],
    ['A="b # c" # d', { A: 'b # c' }],
    ['A="say \\"hi\\""', { A: 'say "hi"' }],
    ['A="two\\nlines\\tand\\\\more"', { A: 'two\nlines\tand\\more' }],
    ["A='it\\'s'", { A: "it's" }],
    ["A='no\\nescape'", { A: 'no\\nescape' }],
    ['A="C:\\new"', { A: 'C:\new' }],
    ['A=C:\\new', { A: 'C:\\new' }],
    ['A="first\nsecond"\nB=1', { A: 'first\nsecond', B: '1' }],
    ["'quoted name'=1", { 'quoted name': '1' }],
    ['export A=1\nexport\tB=2', { A: '1', B: '2' }],
    ['A', {}],
    ['A=', { A: '' }],
    ['A=""', { A: '' }],
    ['# A=1\n  # B=2\nC=3', { C: '3' }],
    ['A=1\rB=2\r\nC=3', { A: '1', B: '2', C: '3' }],
    ['A=`b`', { A: '`b`' }],
    ['A=x\nB=${A}/y', { A: 'x', B: 'x/y' }],
    ["A=x\nB='${A}'", { A: 'x', B: 'x' }],
    ['B=${NONE}-${NONE:-d}-$A', { B: '-d-$A' }],
    ['A="open\nB=1', { B: '1' }],
    ['A="b" c\nB=1', { B: '1' }],
    ['__proto__=1\nconstructor=2', { ['__proto__']: '1', constructor: '2' }],
  ])('%j', (content, expected) => {
    const { variables } = parseEnvFile(content);
    expect(Object.entries(variables)).toEqual(Object.entries(expected));
  });

  it('prefers the variables of the process in references', () => {
    expect(parseEnvFile('A=x\nB=${A}', { A: 'process' }).variables).toEqual({ A: 'x', B: 'process' });
  });
});

describe('a note', () => {
  it.each<[content: string, lines: readonly (number | string)[]]>([
    ['A=1\nB="2" # fine\nC=\'3\'', []],
    ['A=1\n\njust words =\nB=2', [3]],
    ['A=1\nB=c#d', [2]],
    ['A=`b`', [1]],
    ['A="open', [1]],
    ['A=1\nB=${A}', [2]],
  ])('names the lines of %j: %j', (content, lines) => {
    const noted = parseEnvFile(content).notes.map((note) => Number(/^line (\d+)/.exec(note)?.[1]));
    expect(noted).toEqual(lines);
  });

  it('has no value', () => {
    expect(parseEnvFile('PASSWORD=secret#1').notes.join()).not.toContain('secret');
  });
});

describe('any text', () => {
  const line = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom(
        'A',
        'B',
        '=',
        '"',
        "'",
        '\\',
        '#',
        '$',
        ' ',
        '{',
        '}',
        ':',
        '-',
        '\n',
        '\r',
        '\t',
      ),
    }),
    fc.tuple(fc.constantFrom('A', 'export B', "'C'"), fc.string()).map(([name, value]) => `${name}=${value}`),
  );

  it('is read without an error, and each line that sets nothing is named', () => {
    fc.assert(
      fc.property(
        fc.array(line).map((lines) => lines.join('\n')),
        (content) => {
          const { variables, notes } = parseEnvFile(content);
          expect(Object.values(variables).every((value) => typeof value === 'string')).toBe(true);
          for (const note of notes) expect(note).toMatch(/^line \d+/);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('comes back from double quotes, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => !text.includes('${')),
        (text) => {
          const quoted = text.replace(/[\\"]/g, '\\$&');
          expect(parseEnvFile(`A="${quoted}"\nB=1`).variables).toEqual({ A: text, B: '1' });
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('takes no more than linear time', () => {
    for (const content of [
      'A="'.repeat(20_000),
      `A=${' '.repeat(100_000)}#`,
      '\\'.repeat(100_000),
      '\n'.repeat(100_000),
      'A=1\n'.repeat(50_000),
    ]) {
      const startedAt = performance.now();
      parseEnvFile(content);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    }
  });
});
