// The name of a new service: which ones are valid, and the class and queue that are named after it. Pure.
import { isBuiltin } from 'node:module';
import { UsageError } from '../../errors.ts';

/** A new service's names. */
export interface ServiceName {
  /** The package's. */
  readonly name: string;
  /** The processor class's. */
  readonly className: string;
  readonly queueName: string;
}

/** SQS allows 80 characters, `_dead` included: a service that starts on another broker can still move there. */
const longestName = 75;

/** npm's rules for new packages; a letter comes first, since the class is named after it. */
const allowed = /^[a-z][a-z0-9._-]*$/;

/** Names that npm refuses. */
const refused = ['node_modules', 'favicon.ico'];

/** Packages that the service depends on: npm would take the service for one of them. */
const dependencies = ['rococo-svchost', 'typescript'];

/**
 * Reads the name of a new service: `order-service` has the class OrderServiceProcessor and the queue order_service,
 * `orders` OrdersServiceProcessor and orders.
 *
 * @throws UsageError it is not a valid name; the message suggests one that is
 */
export function parseServiceName(name: string): ServiceName {
  const fault = nameFault(name);
  if (fault !== undefined) {
    throw new UsageError(`${JSON.stringify(name)} cannot name a service: ${fault}${advise(name)}`);
  }
  const words = name.split(/[._-]+/).filter((word) => word !== '');
  const pascal = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return {
    name,
    className: `${pascal.replace(/service$/i, '')}ServiceProcessor`,
    queueName: words.join('_'),
  };
}

/** The fault of a name; undefined if it is valid. */
function nameFault(name: string): string | undefined {
  if (!allowed.test(name)) {
    return 'it must be a name for an npm package, with lowercase letters, digits, "-", "_" and "." only, and a letter first';
  }
  if (name.length > longestName) {
    return `it has ${name.length} characters, and the name of its queue has room for ${longestName}`;
  }
  if (isBuiltin(name)) return 'it is a module of Node, and npm accepts no package of that name';
  if (refused.includes(name)) return 'npm accepts no package of that name';
  if (dependencies.includes(name)) return 'the service depends on the package of that name';
  return undefined;
}

/** Suggests a valid name that is close to this one. */
function advise(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z]+|[._-]+$/g, '');
  const near = [plain, `${plain}-service`].find((candidate) => nameFault(candidate) === undefined);
  return near === undefined ? '; choose another one' : `; ${near} will do`;
}
