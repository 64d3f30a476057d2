// Names of this run's own in the place of a page's queue names: tests share their broker with other runs. Pure.
import { randomUUID } from 'node:crypto';
import { literal } from './pattern.ts';

export interface OwnNames {
  /** Puts the own names in the place of the page's. */
  readonly rename: (text: string) => string;
  /** The queues that the page may have made, to be deleted. */
  readonly queues: readonly string[];
}

/** What svchost adds to the name of a queue, with the default delays of retries. */
const companions = [
  '',
  '_dead',
  '_dead_dead',
  ...[1000, 5000, 25_000, 125_000].map((delayMs) => `_retry_${delayMs}`),
];

/** @param files the variables that the page's env files set */
export function ownNames(files: readonly NodeJS.Dict<string>[]): OwnNames {
  const tag = randomUUID().slice(0, 8);
  const queues = new Set<string>();
  const words = new Map<string, string>();
  for (const file of files) {
    const prefix = file['QUEUE_NAME_PREFIX'] ?? '';
    for (const [variable, name = ''] of Object.entries(file)) {
      if (!variable.endsWith('_QUEUE_NAME') || name === '') continue;
      // A prefix is renamed alone: it is part of every name.
      if (prefix !== '') words.set(prefix, `${tag}_${prefix}`);
      else words.set(name, `${tag}_${name}`);
      for (const companion of companions) queues.add(`${tag}_${prefix}${name}${companion}`);
    }
  }
  const rename = (text: string) => {
    let renamed = text;
    for (const [word, own] of words) {
      // Not within another word, but before what svchost adds: orders_dead.
      renamed = renamed.replace(new RegExp(`(?<![\\w-])${literal(word)}(?![a-z]*[.(])`, 'g'), own);
    }
    return renamed;
  };
  return { rename, queues: [...queues] };
}
