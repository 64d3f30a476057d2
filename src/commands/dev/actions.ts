// The typed lines that need the broker: send to the queue of the service, and list its dead letters.
import { processEnvironment } from '../../config/environment.ts';
import { brokers, type MessagingSettings, type MessagingType } from '../../config/brokers.ts';
import type { QueueNames } from '../../config/queue-name.ts';
import { readSettings } from '../../config/settings.ts';
import { ConfigurationError, UsageError } from '../../errors.ts';
import type { MessageAdapter } from '../../messaging/adapter.ts';
import { isBrowsable } from '../../messaging/capability.ts';
import { openBroker, type ReachableBroker } from '../../host/broker.ts';
import { describeDeadLetter } from './dead-letter.ts';
import { loadDevEnvironment } from './environment.ts';

/** How many dead letters are listed at most. */
const shownLetters = 20;

/** The settings of a service as they are now, without loading its code. */
export function readDevSettings(directory: string) {
  const env = { ...processEnvironment };
  loadDevEnvironment(directory, env);
  return readSettings(env, { serviceDirectory: directory, isTerminal: process.stdout.isTTY });
}

/**
 * Sends a message to the queue of the service.
 *
 * @throws SvchostError the broker has not confirmed it
 */
export async function sendTyped(
  directory: string,
  { queueName }: QueueNames,
  body: Uint8Array,
): Promise<void> {
  const broker = await openBroker(readMessaging(directory), undefined, 'dev');
  await use(broker, async (adapter) => {
    await adapter.ensureQueue(queueName);
    await adapter.sendMessage(queueName, body);
  });
}

/**
 * The newest dead letters of the service, for people.
 *
 * @throws UsageError the broker cannot list messages
 * @throws SvchostError the broker cannot be reached
 */
export async function listDeadLetters(
  directory: string,
  { deadLetterQueueName: queueName }: QueueNames,
): Promise<string> {
  const messaging = readMessaging(directory);
  const broker = await openBroker(messaging, undefined, 'dev');
  const { adapter } = broker;
  if (!isBrowsable(adapter)) throw new UsageError(whereToLook(messaging.type, queueName));
  return await use(broker, async () => {
    const letters = await adapter.browseMessages(queueName, shownLetters);
    const count = await adapter.countMessages(queueName, []);
    const shown = count > letters.length ? `the newest ${letters.length} of ${count}` : String(count);
    return [`dead letters in ${queueName}: ${shown}`, ...letters.map(describeDeadLetter)].join('\n');
  });
}

/** Other brokers show a message only by delivering it, which counts as a delivery. */
function whereToLook(type: MessagingType, queueName: string): string {
  const { name, console } = brokers[type];
  return `${name} cannot list messages without consuming them: look at the queue ${queueName} in ${console}`;
}

function readMessaging(directory: string): MessagingSettings {
  const { settings, problems } = readDevSettings(directory);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return settings.messaging;
}

async function use<Result>(
  broker: ReachableBroker,
  work: (adapter: MessageAdapter) => Promise<Result>,
): Promise<Result> {
  try {
    await broker.connect();
    return await work(broker.adapter);
  } finally {
    await broker.adapter.close();
  }
}
