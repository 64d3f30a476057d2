// The business logic of this service, independent of its host.
import { DeadLetterError } from "rococo-svchost";

/** @import { MessageContext } from 'rococo-svchost' */

/**
 * Handles one message: it is done when this returns, and tried again later if this throws. It may be delivered twice, with
 * the same `context.messageId`: handling it again must do no harm.
 *
 * @param {unknown} message
 * @param {MessageContext} context
 */
export async function handleMessage(message, { log }) {
  if (!hasId(message))
    throw new DeadLetterError(
      "the message has no id, and a retry would not give it one",
    );
  log.info({ id: message.id }, "Received a message!");
}

/**
 * @param {unknown} message
 * @returns {message is { id: unknown }}
 */
function hasId(message) {
  return typeof message === "object" && message !== null && "id" in message;
}
