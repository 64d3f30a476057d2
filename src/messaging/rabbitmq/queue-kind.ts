// Finds out how a queue is configured, and whether a service can be served by it. AMQP has no way to ask, but a broker that
// refuses to declare an existing queue anew names the first difference: each refusal adds one fact, and nothing is changed.
import type { Options, RecoveringChannelModel } from 'amqplib';
import { BrokerRefusedError, toError } from '../../errors.ts';
import { withChannel } from './channel.ts';
import { replyCode, replyCodeOf } from './refusal.ts';

/** The configuration of a queue, as far as the broker tells it. */
export interface QueueKind {
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** It belongs to another connection, which alone may use it. */
  readonly isExclusive: boolean;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** How a kind of queue serves a service: not at all, or with limits. */
export interface Verdict {
  /** Undefined if it serves. */
  readonly refusal: string | undefined;
  readonly limits: readonly string[];
}

/** No queue has this type: the broker finds a difference at the latest here, and creates nothing. */
const noType = 'svchost-asks';

/** A delivery limit that no queue has: asked for once the type is known, since the broker compares the type first. */
const noDeliveryLimit = 2_000_000_011;

/** More differences than a queue has arguments. */
const mostDifferences = 30;

/** The queue's configuration; undefined if the user may not ask, or there is no such queue. */
export async function readQueueKind(
  connection: RecoveringChannelModel,
  queueName: string,
): Promise<QueueKind | undefined> {
  let known: QueueKind = { durable: true, autoDelete: false, isExclusive: false, arguments: {} };
  for (let differences = 0; differences < mostDifferences; differences++) {
    const error = await declare(connection, queueName, known);
    if (replyCodeOf(error) === replyCode.resourceLocked) return { ...known, isExclusive: true };
    const difference = differenceIn(toError(error).message);
    if (!difference) return undefined;
    const { name, value } = difference;
    if (name === 'durable') known = { ...known, durable: value === true };
    else if (name === 'auto_delete') known = { ...known, autoDelete: value === true };
    else if (name === 'x-queue-type') return await withDeliveryLimit(connection, queueName, known, value);
    else known = { ...known, arguments: { ...known.arguments, [name]: value } };
  }
  return undefined;
}

/** Whether and how a kind of queue serves a service. */
export function judge({ durable, autoDelete, isExclusive, arguments: args }: QueueKind): Verdict {
  return { refusal: refusalOf(args, autoDelete, isExclusive), limits: limitsOf(args, durable) };
}

/**
 * The limits of a queue.
 *
 * @throws BrokerRefusedError the queue cannot serve
 */
export async function inspectQueue(
  connection: RecoveringChannelModel,
  queueName: string,
): Promise<readonly string[]> {
  const byName = nameRefusal(queueName);
  if (byName !== undefined) throw cannotServe(queueName, byName);
  const kind = await readQueueKind(connection, queueName);
  if (!kind) return [];
  const { refusal, limits } = judge(kind);
  if (refusal !== undefined) throw cannotServe(queueName, refusal);
  return limits.map((limit) => `queue "${queueName}" ${limit}`);
}

/** Completes what is known of a queue by its type, and by the delivery limit that quorum queues may have. */
async function withDeliveryLimit(
  connection: RecoveringChannelModel,
  queueName: string,
  known: QueueKind,
  type: unknown,
): Promise<QueueKind> {
  const args = { ...known.arguments, 'x-queue-type': type };
  if (type !== 'quorum') return { ...known, arguments: args };
  const asked = { ...args, 'x-delivery-limit': noDeliveryLimit };
  const error = await declare(connection, queueName, { ...known, arguments: asked });
  const difference = differenceIn(toError(error).message);
  return { ...known, arguments: { ...args, 'x-delivery-limit': difference?.value } };
}

/**
 * Declares the queue as it is known so far, and of no type if its type is unknown, which the broker refuses. Returns the
 * refusal.
 */
async function declare(
  connection: RecoveringChannelModel,
  queueName: string,
  { durable, autoDelete, arguments: args }: QueueKind,
): Promise<unknown> {
  const options: Options.AssertQueue = {
    durable,
    autoDelete,
    arguments: { 'x-queue-type': noType, ...args },
  };
  try {
    return await withChannel(connection, (channel) => channel.assertQueue(queueName, options));
  } catch (error) {
    return error;
  }
}

/** The difference that a refusal names: an argument, and its present value. */
function differenceIn(message: string): { readonly name: string; readonly value: unknown } | undefined {
  const name = /inequivalent arg '([^']+)'/.exec(message)?.[1];
  if (name === undefined) return undefined;
  if (/but current is none/.test(message)) return { name, value: undefined };
  const [, text, type] = /but current is (?:the value )?'([^']*)'(?: of type '(\w+)')?/.exec(message) ?? [];
  return text === undefined ? undefined : { name, value: valueOf(text, type) };
}

function valueOf(text: string, type: string | undefined): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  const isText = type === 'longstr' || type === 'binary' || text === '' || Number.isNaN(Number(text));
  return isText ? text : Number(text);
}

function cannotServe(queueName: string, refusal: string): BrokerRefusedError {
  return new BrokerRefusedError(`queue "${queueName}" cannot serve: ${refusal}`);
}

/** AMQP 0-9-1, queue.declare: the broker alone creates queues of such names. */
function nameRefusal(queueName: string): string | undefined {
  if (!queueName.startsWith('amq.')) return undefined;
  return (
    'its name begins with "amq.", so the broker lets nobody create queues for its retries beside it; ' +
    'declare it with a name of its own'
  );
}

function refusalOf(
  args: QueueKind['arguments'],
  autoDelete: boolean,
  isExclusive: boolean,
): string | undefined {
  if (args['x-queue-type'] === 'stream') {
    return (
      'it is a stream, which keeps its messages and has no word for retries and dead letters; ' +
      'use a quorum or classic queue, bound to the same exchange'
    );
  }
  if (autoDelete) {
    return (
      'it is an auto-delete queue, which the broker deletes with all its messages when the host stops; ' +
      'declare it without auto-delete'
    );
  }
  if (isExclusive) return 'it is exclusive to another connection; declare it without that';
  return undefined;
}

/** RabbitMQ documentation, "Queues", "Time-to-Live and Expiration", "Queue Length Limit", "Quorum Queues". */
function limitsOf(args: QueueKind['arguments'], durable: boolean): string[] {
  const limits: string[] = [];
  if (!durable) limits.push('is not durable: a restart of the broker deletes it with its messages');
  const hasLength = args['x-max-length'] !== undefined || args['x-max-length-bytes'] !== undefined;
  if (hasLength && (args['x-overflow'] ?? 'drop-head') === 'drop-head') {
    limits.push('has a maximum length: the broker drops its oldest messages beyond it');
  }
  if (args['x-message-ttl'] !== undefined) {
    limits.push('has x-message-ttl: the broker removes messages that wait for longer');
  }
  if (args['x-expires'] !== undefined) {
    limits.push('has x-expires: the broker deletes it with its messages if no host runs for so long');
  }
  const deliveryLimit = args['x-delivery-limit'];
  if (typeof deliveryLimit === 'number' && deliveryLimit >= 0) {
    limits.push(
      `has x-delivery-limit ${deliveryLimit}: the broker itself takes away messages that come back more often`,
    );
  }
  return limits;
}
