// The schema of an order, written by hand after the Standard Schema specification 1 (standardschema.dev), which is short.
// A schema of zod, valibot or arktype works as well.
import type { Order, OrderLine } from './order.ts';

interface Issue {
  readonly message: string;
  readonly path: readonly PropertyKey[];
}

type Fields<T> = Readonly<Partial<Record<keyof T, unknown>>>;

/** For `static schema` of a processor: any other message becomes a dead letter before `process` is called. */
export const orderSchema = {
  '~standard': {
    version: 1,
    vendor: 'shop-common',
    validate: (value: unknown) => {
      const issues = orderIssues(value);
      return issues.length === 0 ? { value: value as Order } : { issues };
    },
  },
} as const;

function orderIssues(value: unknown): Issue[] {
  if (!isObject(value)) return [{ message: 'expected an order', path: [] }];
  const { id, lines } = value as Fields<Order>;
  const issues: Issue[] = [];
  if (!isWhole(id, 1)) issues.push({ message: 'expected a whole number from 1', path: ['id'] });
  if (!Array.isArray(lines) || lines.length === 0) {
    issues.push({ message: 'expected at least one line', path: ['lines'] });
    return issues;
  }
  const inLines = lines.flatMap((line: unknown, index) => lineIssues(line, ['lines', index]));
  return [...issues, ...inLines];
}

function lineIssues(value: unknown, path: readonly PropertyKey[]): Issue[] {
  if (!isObject(value)) return [{ message: 'expected a line', path }];
  const { article, quantity, price } = value as Fields<OrderLine>;
  const issues: Issue[] = [];
  if (typeof article !== 'string' || article === '') {
    issues.push({ message: 'expected the name of an article', path: [...path, 'article'] });
  }
  if (!isWhole(quantity, 1)) {
    issues.push({ message: 'expected a whole number from 1', path: [...path, 'quantity'] });
  }
  if (!isWhole(price, 0)) issues.push({ message: 'expected whole cents', path: [...path, 'price'] });
  return issues;
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === 'object';
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}
