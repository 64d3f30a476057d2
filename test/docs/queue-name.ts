// Replaces a page's queue names by names of this run: tests share their broker with other runs. Pure.
import { randomUUID } from 'node:crypto';
import { literal } from './pattern.ts';

/** The names of one run. */
export interface OwnNames {
  /** Replaces the page's names by this run's own. */
  readonly rename: (text: string) => string;
  /** The queues that the page may have created, to be deleted. */
  readonly queues: readonly string[];
}

/** The suffixes that svchost appends to the name of a queue, with the default delays of retries. */
const companions = [
  '',
  '_dead',
  '_dead_dead',
  ...[1000, 5000, 25_000, 125_000].map((delayMs) => `_retry_${delayMs}`),
];

/** @param files the variables in the page's env files */
export function ownNames(files: readonly NodeJS.Dict<string>[]): OwnNames {
  const tag = randomUUID().slice(0, 8);
  const queues = new Set<string>();
  const words = new Map<string, string>();
  for (const file of files) {
    const prefix = file['QUEUE_NAME_PREFIX'] ?? '';
    for (const [variable, name = ''] of Object.entries(file)) {
      if (!variable.endsWith('_QUEUE_NAME') || name === '') continue;
      // A prefix is renamed alone, since every name contains it.
      if (prefix !== '') words.set(prefix, `${tag}_${prefix}`);
      else words.set(name, `${tag}_${name}`);
      for (const companion of companions) queues.add(`${tag}_${prefix}${name}${companion}`);
    }
  }
  const rename = (text: string) => {
    let renamed = text;
    for (const [word, own] of words) {
      // Not within another word, but before a suffix of svchost: orders_dead.
      renamed = renamed.replace(new RegExp(`(?<![\\w-])${literal(word)}(?![a-z]*[.(])`, 'g'), own);
    }
    return renamed;
  };
  return { rename, queues: [...queues] };
}
