// How a list is split into expressions.
import { describe, expect, it } from 'vitest';
import { splitExpressions } from '../../src/schedule/expression-list.ts';

describe('a list of expressions', () => {
  it.each<[string, string[]]>([
    ['0 7 * * *', ['0 7 * * *']],
    ['0,30 * * * *', ['0,30 * * * *']],
    ['0 0 1,15 * MON,FRI', ['0 0 1,15 * MON,FRI']],
    ['0 7 * * *; 30 9 * * *', ['0 7 * * *', '30 9 * * *']],
    ['0 7 * * *;;30 9 * * *;', ['0 7 * * *', '30 9 * * *']],
    ['0 7 * * *\n30 9 * * *\r\n\n', ['0 7 * * *', '30 9 * * *']],
    ['0 7 * * *, 30 9 * * *', ['0 7 * * *', '30 9 * * *']],
    ['0 7 * * * ,30 9 * * *,', ['0 7 * * *', '30 9 * * *']],
    ['0 7 * * *,30 9 * * *', ['0 7 * * *', '30 9 * * *']],
    ['0,30 7 * * *,15,45 9 * * *', ['0,30 7 * * *', '15,45 9 * * *']],
    ['0 7 * * MON-FRI,0 9 * * SAT', ['0 7 * * MON-FRI', '0 9 * * SAT']],
    ['0 7 * * MON,TUE,0 9 * * SAT', ['0 7 * * MON,TUE', '0 9 * * SAT']],
    ['0 0 7 * * *,30 9 * * *', ['0 0 7 * * *', '30 9 * * *']],
    ['0 7 * * *,0 30 9 * * *', ['0 7 * * *', '0 30 9 * * *']],
    ['@daily,@hourly', ['@daily', '@hourly']],
    ['@daily,0,30 7 * * *', ['@daily', '0,30 7 * * *']],
    ['0,30 7 * * *,@daily', ['0,30 7 * * *', '@daily']],
    ['  0   7\t* * *  ', ['0 7 * * *']],
    ['0 7 * * *,0 8 * * *,0 9 * * *,0 10 * * *', ['0 7 * * *', '0 8 * * *', '0 9 * * *', '0 10 * * *']],
    [' ;\n, ', []],
  ])('%j is read as %j', (value, texts) => {
    expect(splitExpressions(value)).toEqual({ texts });
  });

  it.each<[string, string[][]]>([
    [
      '* * * * 1,2,3 * * * *',
      [
        ['* * * * 1', '2,3 * * * *'],
        ['* * * * 1,2', '3 * * * *'],
      ],
    ],
    [
      '0 7 * * *; 0 7 * * 1,2,30 9 * * 3',
      [
        ['0 7 * * 1', '2,30 9 * * 3'],
        ['0 7 * * 1,2', '30 9 * * 3'],
      ],
    ],
  ])('%j is ambiguous, and the error shows its possible meanings', (value, readings) => {
    expect(splitExpressions(value)).toMatchObject({ readings });
  });

  it('with a faulty expression is still split by the number of its fields', () => {
    expect(splitExpressions('0 7 * * *,30 25 * * *')).toEqual({ texts: ['0 7 * * *', '30 25 * * *'] });
    expect(splitExpressions('0,60 7 * * *')).toEqual({ texts: ['0,60 7 * * *'] });
    expect(splitExpressions('0 7 * * * 2026 * * * *')).toEqual({ texts: ['0 7 * * * 2026 * * * *'] });
  });

  it('that no split makes valid has no reading', () => {
    expect(splitExpressions('0 7 * * *,0 7 *,0 7 * * *')).toMatchObject({ readings: [] });
  });

  it('of a hundred, with lists in all fields, is read at once', () => {
    const texts = Array.from({ length: 100 }, () => '1,2,3,4,5,6,7,8,9 * * * JAN-FEB');
    const started = performance.now();
    splitExpressions(texts.join(','));
    splitExpressions(Array.from({ length: 100 }, () => '1,2,3 1,2,3 1,2,3 1,2,3 1,2,3').join(','));
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
