// `svchost send`: sends messages to a queue, each confirmed by the broker before the command ends.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { durationMs } from '../config/variable/value.ts';
import { ConfigurationError, toError, UsageError } from '../errors.ts';
import { openBroker, type ReachableBroker } from '../host/broker.ts';
import { resolveService, type Resolution } from '../host/resolution.ts';
import type { SendOptions } from '../messaging/adapter.ts';
import { parseMessage, readLines } from '../messaging/ndjson.ts';
import { directoryOption, warn } from './command.ts';

interface SendFlags {
  readonly dir: string;
  readonly file?: string;
  readonly queue?: string;
  /** Milliseconds. */
  readonly delay?: number;
}

/** Declares `send`. */
export function declareSend(program: Command): void {
  program
    .command('send')
    .description('send messages to the queue of the service, or to another one')
    .argument(
      '[message]',
      'the message as JSON; without it, one message per line is read from standard input (NDJSON)',
    )
    .option(...directoryOption)
    .option('--file <file>', 'read one message from a file')
    .option(
      '--queue <name>',
      "the queue's full name (default: the service's own queue, which is created if it is missing)",
    )
    .option('--delay <seconds>', 'deliver no earlier than this, if the broker can', parseSeconds)
    .action(async (message: string | undefined, flags: SendFlags) => {
      const { count, queueName, failure } = await send({
        directory: path.resolve(flags.dir),
        message,
        file: flags.file,
        queueName: flags.queue,
        delayMs: flags.delay,
        input: process.stdin,
        onWarning: warn,
      });
      if (count > 0 || !failure) {
        console.log(`sent ${count} ${count === 1 ? 'message' : 'messages'} to ${queueName}`);
      }
      if (failure) throw failure;
    })
    .addHelpText('after', help);
}

const help = `
Examples:
  $ svchost send '{"id": 1}'
  $ svchost send --file order.json --queue orders
  $ svchost send < messages.ndjson
  $ svchost send '{"id": 1}' --delay 30`;

/** Gives milliseconds; the text is written as durations are in the environment. */
function parseSeconds(value: string): number {
  try {
    return durationMs('zero')(value);
  } catch (error) {
    throw new InvalidArgumentError(`Expected ${toError(error).message}.`);
  }
}

/** The messages to send, and their queue. */
export interface SendCommand {
  /** Absolute. */
  readonly directory: string;
  /** JSON, as typed. */
  readonly message: string | undefined;
  /** A file that holds one message as JSON. */
  readonly file: string | undefined;
  /** Default: the service's own queue, if it has one only. */
  readonly queueName: string | undefined;
  readonly delayMs: number | undefined;
  /** NDJSON, read if there is neither a message nor a file. */
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** Called with each warning about the configuration. */
  readonly onWarning: (message: string) => void;
}

/** The result of a `send`. */
export interface Sent {
  /** How many messages the broker has confirmed. */
  readonly count: number;
  readonly queueName: string;
  /** Why it ended early; nothing after the message or line that it names was sent. */
  readonly failure: Error | undefined;
}

/** The largest number of messages that wait for the broker's confirmation at once. */
const largestInFlight = 100;

/**
 * Sends one message, or one per line of NDJSON. The first that fails ends it; those before it stay sent.
 *
 * @throws SvchostError before anything was sent: wrong usage, a wrong configuration, a broker that refuses us
 */
export async function send(command: SendCommand): Promise<Sent> {
  const messages = readMessages(command);
  const { broker, queueName, isOwn } = await openQueue(command);
  const { adapter } = broker;
  try {
    await broker.connect();
    // As `run` would. Any other queue must exist, or a typo would create one that no service reads.
    if (isOwn) await broker.await('to find or create the queue', adapter.ensureQueue(queueName));
    const options: SendOptions = command.delayMs === undefined ? {} : { delayMs: command.delayMs };
    const sendOne = async (body: Uint8Array) => await adapter.sendMessage(queueName, body, options);
    const settled = async (work: Promise<unknown>) => await broker.await('to take the messages', work);
    return { ...(await sendAll(messages, sendOne, settled)), queueName };
  } finally {
    await adapter.close();
  }
}

/** The queue to send to, and its broker. */
interface Target {
  readonly broker: ReachableBroker;
  readonly queueName: string;
  /** The service consumes it. */
  readonly isOwn: boolean;
}

async function openQueue({ directory, queueName, onWarning }: SendCommand): Promise<Target> {
  if (queueName?.trim() === '') throw new UsageError('--queue needs the name of a queue');
  const resolution = await resolveService(directory);
  refuseUnusable(resolution, queueName);
  const { settings, service, bound = [], warnings } = resolution;
  for (const warning of warnings) onWarning(warning);
  const own = bound.map(({ queues }) => queues.queueName);
  const target = queueName ?? onlyQueue(own);
  const broker = await openBroker(settings.messaging, service, 'send');
  return { broker, queueName: target, isOwn: own.includes(target) };
}

function onlyQueue(own: readonly string[]): string {
  const [only, ...others] = own;
  if (only === undefined) throw new UsageError('no queue: name one with --queue');
  if (others.length > 0) throw new UsageError(`several queues: name one with --queue: ${own.join(', ')}`);
  return only;
}

/** @throws ConfigurationError, ProcessorError the service has problems that prevent sending */
function refuseUnusable(resolution: Resolution, queueName: string | undefined): void {
  // A schedule runs without a broker, but nothing can be sent.
  const { messagingProblems } = resolution.settings;
  if (resolution.kind === 'schedule' && messagingProblems.length > 0)
    throw new ConfigurationError(messagingProblems);
  if (resolution.kind !== 'refused') return;
  if (queueName === undefined) throw resolution.error;
  // A queue that the command line names needs no processor and no queue of its own, but a broker all the same.
  const relevant = resolution.problems.filter(({ name }) => !name.endsWith('_QUEUE_NAME'));
  if (relevant.length > 0) throw new ConfigurationError(relevant);
}

type Bodies = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** The messages to send, each already checked to be JSON. */
function readMessages({ message, file, input }: SendCommand): Bodies {
  if (message !== undefined && file !== undefined) throw new UsageError('give a message or --file, not both');
  if (message !== undefined) {
    const hint = `; quote it for the shell, such as '{"id": 1}'`;
    return [parseMessage(Buffer.from(message), 'the message', hint)];
  }
  if (file !== undefined) {
    const hint = '; a file holds one message, and one message per line goes to standard input';
    return [parseMessage(readBytes(file), file, hint)];
  }
  if (input.isTTY) {
    throw new UsageError('nothing to send: give a JSON message, --file, or NDJSON on standard input');
  }
  return parseLines(input);
}

async function* parseLines(input: NodeJS.ReadableStream): AsyncGenerator<Uint8Array> {
  let number = 0;
  for await (const line of readLines(input)) {
    number++;
    if (line.toString().trim() !== '') yield parseMessage(line, `line ${number} of standard input`);
  }
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${toError(error).message}`);
  }
}

/** Sends all, a bounded number at a time. After the first failure no message starts, and those in flight finish. */
async function sendAll(
  bodies: Bodies,
  sendOne: (body: Uint8Array) => Promise<void>,
  settled: (work: Promise<unknown>) => Promise<unknown>,
): Promise<Pick<Sent, 'count' | 'failure'>> {
  let count = 0;
  let failure: Error | undefined;
  const fail = (error: unknown) => (failure ??= toError(error));
  const inFlight = new Set<Promise<unknown>>();
  try {
    for await (const body of bodies) {
      const sending = sendOne(body)
        .then(() => count++, fail)
        .finally(() => inFlight.delete(sending));
      inFlight.add(sending);
      if (inFlight.size >= largestInFlight) await settled(Promise.race(inFlight));
      if (failure) break;
    }
  } catch (error) {
    fail(error);
  }
  await settled(Promise.all(inFlight));
  return { count, failure };
}
