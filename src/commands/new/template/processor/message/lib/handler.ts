// The business logic of this service, kept apart from what hosts it.
import { DeadLetterError, type MessageContext } from 'rococo-svchost';

/**
 * Handles one message. Returning means that it is done, throwing that it is tried again later. It may come twice, with the
 * same `context.messageId`: doing it again must do no harm.
 */
export async function handleMessage(message: unknown, { log }: MessageContext): Promise<void> {
  if (!hasId(message)) throw new DeadLetterError('the message has no id, and another attempt gives it none');
  log.info({ id: message.id }, 'Received a message!');
}

function hasId(message: unknown): message is { id: unknown } {
  return typeof message === 'object' && message !== null && 'id' in message;
}
