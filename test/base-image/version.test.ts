// The order of versions, as in the examples of the specification.
import { describe, expect, it } from 'vitest';
import { compareVersions, isVersion } from '../../base-image/version.ts';

const ascending = [
  '0.9.9',
  '1.0.0-2',
  '1.0.0-10',
  '1.0.0-alpha',
  '1.0.0-alpha.1',
  '1.0.0-alpha.beta',
  '1.0.0-beta',
  '1.0.0-beta.2',
  '1.0.0-beta.11',
  '1.0.0-rc.1',
  '1.0.0',
  '1.0.1',
  '1.2.0',
  '1.10.0',
  '2.0.0-0',
  '2.0.0',
  '10.0.0',
  '99999999999999999998.0.0',
  '99999999999999999999.0.0',
];

describe('versions', () => {
  it('are sorted as in the specification', () => {
    expect([...ascending].reverse().sort(compareVersions)).toEqual(ascending);
    for (const [index, version] of ascending.slice(1).entries()) {
      expect(compareVersions(version, ascending[index]!), version).toBeGreaterThan(0);
      expect(compareVersions(ascending[index]!, version), version).toBeLessThan(0);
    }
  });

  it('are equal if only their build metadata differ', () => {
    expect(compareVersions('1.0.0+1', '1.0.0+2')).toBe(0);
    expect(compareVersions('v1.0.0-rc.1', '1.0.0-rc.1')).toBe(0);
  });

  it.each(['1.0', '', 'latest', '1.0.0.0', '1.0.0-', 'file:..'])('do not include "%s"', (text) => {
    expect(isVersion(text)).toBe(false);
    expect(() => compareVersions(text, '1.0.0')).toThrow(`"${text}" is not a version`);
  });
});
