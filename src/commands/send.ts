// `svchost send`: puts messages on a queue, each confirmed by the broker before the command ends.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { systemClock } from '../clock.ts';
import { ConfigurationError, toError, UsageError } from '../errors.ts';
import { silentLog } from '../log.ts';
import type { MessageAdapter, SendOptions } from '../messaging/adapter.ts';
import { encodeMessage } from '../messaging/message.ts';
import { openAdapter } from '../messaging/open.ts';
import { version } from '../version.ts';
import { resolutionError, resolveService } from './resolve.ts';

export interface SendCommand {
  /** Absolute. */
  readonly directory: string;
  /** JSON, as typed. */
  readonly message: string | undefined;
  /** A file that holds one message as JSON. */
  readonly file: string | undefined;
  /** Default: the service's own queue. */
  readonly queueName: string | undefined;
  readonly delayMs: number | undefined;
  /** Where NDJSON comes from when there is neither message nor file. */
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
}

/** How many messages may be on their way to the broker at once. */
const inFlight = 100;

/**
 * Sends one message, or one per line of NDJSON.
 *
 * @returns how many were sent, and to which queue
 */
export async function send(command: SendCommand): Promise<{ count: number; queueName: string }> {
  const messages = readMessages(command);
  const { adapter, queueName, isOwn } = await openQueue(command);
  try {
    await adapter.connect();
    // As `run` would; another queue must be there, or a typo would make one that nobody reads.
    if (isOwn) await adapter.ensureQueue(queueName);
    const options: SendOptions = command.delayMs === undefined ? {} : { delayMs: command.delayMs };
    return { count: await sendAll(adapter, queueName, messages, options), queueName };
  } finally {
    await adapter.close();
  }
}

async function openQueue({ directory, queueName }: SendCommand) {
  const resolution = await resolveService(directory);
  const { settings, service, queues, problems } = resolution;
  // A queue named on the command line needs no processor, but the broker must be configured well.
  const error = queueName === undefined ? resolutionError(resolution) : undefined;
  if (error) throw error;
  const relevant = problems.filter(({ name }) => queueName === undefined || !name.endsWith('_QUEUE_NAME'));
  if (relevant.length > 0) throw new ConfigurationError(relevant);
  const adapter = await openAdapter(settings.messaging, {
    connectionName: `svchost send@${version}${service ? ` (${service.name})` : ''}`,
    log: silentLog,
    clock: systemClock,
  });
  const own = queues?.queueName;
  const target = queueName ?? own;
  if (target === undefined) throw new UsageError('no queue: name one with --queue');
  return { adapter, queueName: target, isOwn: target === own };
}

/** The messages to send, each already checked to be JSON. */
function readMessages({
  message,
  file,
  input,
}: SendCommand): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (message !== undefined && file !== undefined) throw new UsageError('give a message or --file, not both');
  if (message !== undefined) return [parse(message, 'the message')];
  if (file !== undefined) return [parse(readText(file), file)];
  if (input.isTTY)
    throw new UsageError('nothing to send: give a JSON message, --file, or NDJSON on standard input');
  return parseLines(input);
}

async function* parseLines(input: NodeJS.ReadableStream): AsyncGenerator<Uint8Array> {
  let number = 0;
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    number++;
    if (line.trim() !== '') yield parse(line, `line ${number} of standard input`);
  }
}

/** The bytes of a message that was typed as JSON; says where it is not, without quoting it. */
function parse(json: string, where: string): Uint8Array {
  try {
    return encodeMessage(JSON.parse(json));
  } catch {
    throw new UsageError(`${where} is not JSON; quote it for the shell, such as '{"id": 1}'`);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${toError(error).message}`);
  }
}

/** Sends all, a bounded number at a time; the first that fails ends it once those on their way are through. */
async function sendAll(
  adapter: MessageAdapter,
  queueName: string,
  messages: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: SendOptions,
): Promise<number> {
  let count = 0;
  const underway = new Set<Promise<void>>();
  for await (const body of messages) {
    const sending = adapter.sendMessage(queueName, body, options).then(() => {
      count++;
      underway.delete(sending);
    });
    underway.add(sending);
    if (underway.size >= inFlight) await Promise.race(underway);
  }
  await Promise.all(underway);
  return count;
}
