// What a new service may be called, and the names that are made from that: its class and its queue. Pure.
import { isBuiltin } from 'node:module';
import { UsageError } from '../../errors.ts';

/** The names of a new service. */
export interface ServiceName {
  /** As in package.json. */
  readonly name: string;
  /** The processor's. */
  readonly className: string;
  readonly queueName: string;
}

/** SQS allows 80 characters, and `_dead` comes behind: what starts on another broker can move there. */
const longestName = 75;

/** npm's rules for new packages, and a letter first: the class is named after it. */
const allowed = /^[a-z][a-z0-9._-]*$/;

/** Names that npm refuses, and packages that the service depends on. */
const refused = ['node_modules', 'favicon.ico'];
const dependencies = ['rococo-svchost', 'typescript'];

/**
 * Reads the name of a new service: `order-service` has the class OrderServiceProcessor and the queue order_service,
 * `orders` OrdersServiceProcessor and orders.
 *
 * @throws UsageError it is no name for a package, with one that is
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

/** Why it cannot be the name; undefined where it can. */
function nameFault(name: string): string | undefined {
  if (!allowed.test(name)) {
    return 'it must be a name for an npm package, with lowercase letters, digits, "-", "_" and "." only, and a letter first';
  }
  if (name.length > longestName) {
    return `it has ${name.length} characters, and ${longestName} are what leaves room in the name of a queue`;
  }
  if (isBuiltin(name)) return 'it is a module of Node, and npm takes no package of that name';
  if (refused.includes(name)) return 'npm takes no package of that name';
  if (dependencies.includes(name)) return 'the service depends on the package of that name';
  return undefined;
}

/** A name near to it that will do. */
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
