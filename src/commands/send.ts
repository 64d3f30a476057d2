// `svchost send`: puts messages on a queue, each confirmed by the broker before the command ends.
import { readFileSync } from 'node:fs';
import { ConfigurationError, toError, UsageError } from '../errors.ts';
import type { MessageAdapter, SendOptions } from '../messaging/adapter.ts';
import { parseMessage, readLines } from '../messaging/ndjson.ts';
import { openBroker } from '../host/broker.ts';
import { resolutionError, resolveService } from '../host/resolution.ts';

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
  /** Told what is worth knowing about the configuration. */
  readonly onWarning: (message: string) => void;
}

/** What became of it. */
export interface Sent {
  /** How many messages the broker has safely. */
  readonly count: number;
  readonly queueName: string;
  /** Why it ended early; nothing after the message or line it names was sent. */
  readonly failure: Error | undefined;
}

/** How many messages may be on their way to the broker at once. */
const inFlight = 100;

/**
 * Sends one message, or one per line of NDJSON. The first that fails ends it, and those before it stay sent.
 *
 * @throws SvchostError before anything was sent: wrong usage, a wrong configuration, a broker that refuses us
 */
export async function send(command: SendCommand): Promise<Sent> {
  const messages = readMessages(command);
  const { broker, queueName, isOwn } = await openQueue(command);
  const { adapter } = broker;
  try {
    await broker.connect();
    // As `run` would; another queue must be there, or a typo would make one that nobody reads.
    if (isOwn) await adapter.ensureQueue(queueName);
    const options: SendOptions = command.delayMs === undefined ? {} : { delayMs: command.delayMs };
    return { ...(await sendAll(adapter, queueName, messages, options)), queueName };
  } finally {
    await adapter.close();
  }
}

async function openQueue({ directory, queueName, onWarning }: SendCommand) {
  if (queueName?.trim() === '') throw new UsageError('--queue needs the name of a queue');
  const resolution = await resolveService(directory);
  const { settings, service, queues, problems, warnings } = resolution;
  // A queue named on the command line needs no processor, but the broker must be configured well.
  const error = queueName === undefined ? resolutionError(resolution) : undefined;
  if (error) throw error;
  const relevant = problems.filter(({ name }) => queueName === undefined || !name.endsWith('_QUEUE_NAME'));
  if (relevant.length > 0) throw new ConfigurationError(relevant);
  for (const warning of warnings) onWarning(warning);
  const broker = await openBroker(settings.messaging, service, 'send');
  const own = queues?.queueName;
  const target = queueName ?? own;
  if (target === undefined) throw new UsageError('no queue: name one with --queue');
  return { broker, queueName: target, isOwn: target === own };
}

/** The messages to send, each already checked to be JSON. */
function readMessages({
  message,
  file,
  input,
}: SendCommand): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (message !== undefined && file !== undefined) throw new UsageError('give a message or --file, not both');
  if (message !== undefined) {
    return [
      parseMessage(Buffer.from(message), 'the message', `; quote it for the shell, such as '{"id": 1}'`),
    ];
  }
  if (file !== undefined) {
    const hint = '; a file holds one message, and one message per line goes to standard input';
    return [parseMessage(readBytes(file), file, hint)];
  }
  if (input.isTTY)
    throw new UsageError('nothing to send: give a JSON message, --file, or NDJSON on standard input');
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

/** Sends all, a bounded number at a time; the first that fails ends it once those on their way are through. */
async function sendAll(
  adapter: MessageAdapter,
  queueName: string,
  messages: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: SendOptions,
): Promise<{ count: number; failure: Error | undefined }> {
  let count = 0;
  let failure: Error | undefined;
  const fail = (error: unknown) => (failure ??= toError(error));
  const underway = new Set<Promise<unknown>>();
  try {
    for await (const body of messages) {
      const sending = adapter
        .sendMessage(queueName, body, options)
        .then(() => count++, fail)
        .finally(() => underway.delete(sending));
      underway.add(sending);
      if (underway.size >= inFlight) await Promise.race(underway);
      if (failure) break;
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(underway);
  return { count, failure };
}
