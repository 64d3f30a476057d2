// Makes adapters from settings: the one file that imports every adapter. A driver is loaded only when it is used.
import type { MessagingSettings } from '../config/brokers.ts';
import { ConfigurationError } from '../errors.ts';
import { missingPackage } from '../missing-package.ts';
import type { AdapterContext, MessageAdapter } from './adapter.ts';

/**
 * Makes the adapter that the settings name; it is not connected yet.
 *
 * @throws ConfigurationError the broker's driver is not installed
 */
export async function openAdapter(
  settings: MessagingSettings,
  context: AdapterContext,
): Promise<MessageAdapter> {
  try {
    return await load(settings, context);
  } catch (error) {
    const name = missingPackage(error);
    if (name === undefined) throw error;
    const expected = `the package ${name} beside ${settings.type} (npm install ${name})`;
    throw new ConfigurationError([{ name: 'MESSAGING_TYPE', expected, found: 'no such package' }]);
  }
}

async function load(settings: MessagingSettings, context: AdapterContext): Promise<MessageAdapter> {
  switch (settings.type) {
    case 'RabbitMqConnection':
      return new (await import('./rabbitmq/connection.ts')).RabbitMqConnection(settings, context);
    case 'SqsConnection':
      return new (await import('./sqs/connection.ts')).SqsConnection(settings, context);
    case 'NatsConnection':
      return new (await import('./nats/connection.ts')).NatsConnection(settings, context);
    case 'SqliteConnection':
      return new (await import('./sqlite/connection.ts')).SqliteConnection(settings, context);
  }
}
