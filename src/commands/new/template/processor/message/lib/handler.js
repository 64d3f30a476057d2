// The business logic of this service, kept apart from what hosts it.
import { DeadLetterError } from 'rococo-svchost';

/** @import { MessageContext } from 'rococo-svchost' */

/**
 * Handles one message. Returning means that it is done, throwing that it is tried again later. It may come twice, with the
 * same `context.messageId`: doing it again must do no harm.
 *
 * @param {unknown} message
 * @param {MessageContext} context
 */
export async function handleMessage(message, { log }) {
  if (!hasId(message)) throw new DeadLetterError('the message has no id, and another attempt gives it none');
  log.info({ id: message.id }, 'Received a message!');
}

/**
 * @param {unknown} message
 * @returns {message is { id: unknown }}
 */
function hasId(message) {
  return typeof message === 'object' && message !== null && 'id' in message;
}
