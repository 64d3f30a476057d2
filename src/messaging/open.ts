// From settings to an adapter: the one place that knows all brokers. A driver is loaded only when it is used.
import type { MessagingSettings } from '../config/messaging.ts';
import type { AdapterContext, MessageAdapter } from './adapter.ts';

/** Makes the adapter that the settings name; it is not connected yet. */
export async function openAdapter(
  settings: MessagingSettings,
  context: AdapterContext,
): Promise<MessageAdapter> {
  switch (settings.type) {
    case 'RabbitMqConnection': {
      const { RabbitMqConnection } = await import('./rabbitmq/connection.ts');
      return new RabbitMqConnection(settings, context);
    }
    case 'SqsConnection': {
      const { SqsConnection } = await import('./sqs/connection.ts');
      return new SqsConnection(settings, context);
    }
    case 'SqliteConnection': {
      const { SqliteConnection } = await import('./sqlite/connection.ts');
      return new SqliteConnection(settings, context);
    }
  }
}
