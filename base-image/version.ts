// Order of versions, after https://semver.org/spec/v2.0.0.html#spec-item-11. Pure; the image has no dependencies.
import { BuildFault } from './fault.ts';

const pattern = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

/**
 * Negative if `a` is older than `b`, positive if it is newer. A prerelease is older than its release; build metadata
 * does not count.
 *
 * @throws BuildFault one of them is not a version
 */
export function compareVersions(a: string, b: string): number {
  const [first, second] = [parse(a), parse(b)];
  return (
    compareParts(first.core, second.core) ||
    compareReleases(first.prerelease, second.prerelease) ||
    compareParts(first.prerelease, second.prerelease)
  );
}

/** Whether `text` is a version that npm accepts. */
export function isVersion(text: string): boolean {
  return pattern.test(text.trim());
}

interface Version {
  readonly core: readonly string[];
  readonly prerelease: readonly string[];
}

function parse(text: string): Version {
  const match = pattern.exec(text.trim());
  if (!match) throw new BuildFault(`"${text}" is not a version; expected one such as 1.2.3 or 1.3.0-rc.1`);
  const [, major = '', minor = '', patch = '', prerelease] = match;
  return { core: [major, minor, patch], prerelease: prerelease?.split('.') ?? [] };
}

/** A version without a prerelease is newer than one with it. */
function compareReleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Number(a.length === 0) - Number(b.length === 0);
  return 0;
}

function compareParts(a: readonly string[], b: readonly string[]): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    // All parts so far are equal: the version with more of them is newer.
    if (other === undefined) return 1;
    const order = comparePart(part, other);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Numbers by value and before words; words by their characters. */
function comparePart(a: string, b: string): number {
  const [isNumber, isOtherNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumber && isOtherNumber) {
    const difference = BigInt(a) - BigInt(b);
    return difference === 0n ? 0 : difference < 0n ? -1 : 1;
  }
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}
