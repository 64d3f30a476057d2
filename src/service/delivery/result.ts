// Sees to it that what `process` returned has been done: work that has not begun must not count as success.
import { NotBegunError } from './failure.ts';

/**
 * The result of `process`, once it has been done: an array of promises becomes a promise of their values.
 *
 * @throws NotBegunError the value describes work that somebody else would have to begin: an iterator, an observable or a
 *   function
 * @throws AggregateError several of the promises were rejected; if it is one, its reason
 */
export function finished(result: unknown): unknown {
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return result;
  const unbegun = describeUnbegun(result);
  if (unbegun !== undefined) throw new NotBegunError(unbegun);
  return Array.isArray(result) && result.some(isPromise) ? all(result) : result;
}

/** All are awaited, also after one was rejected: none may still be at work when the delivery is settled. */
async function all(promises: readonly unknown[]): Promise<unknown[]> {
  const ends = await Promise.allSettled(promises);
  const reasons = ends.flatMap((end): unknown[] => (end.status === 'rejected' ? [end.reason] : []));
  if (reasons.length === 1) throw reasons[0];
  if (reasons.length > 1) {
    throw new AggregateError(reasons, `${reasons.length} of ${ends.length} promises were rejected`);
  }
  return ends.map((end): unknown => (end.status === 'fulfilled' ? end.value : undefined));
}

function describeUnbegun(result: object): string | undefined {
  if (typeof result === 'function') return 'a function';
  const has = (name: PropertyKey) => typeof Reflect.get(result, name) === 'function';
  try {
    if (has('next') && (has(Symbol.iterator) || has(Symbol.asyncIterator))) return 'an iterator';
    // RxJS, and libraries that follow its interface.
    if (has('subscribe') && (has('pipe') || has('@@observable'))) return 'an observable';
  } catch {
    // A proxy, or a getter that throws: no work to begin.
  }
  return undefined;
}

function isPromise(value: unknown): boolean {
  return value instanceof Promise;
}
