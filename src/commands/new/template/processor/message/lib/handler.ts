// The business logic of this service, independent of its host.
import { DeadLetterError, type MessageContext } from "rococo-svchost";

/**
 * Handles one message: it is done when this returns, and tried again later if this throws. It may be delivered twice, with
 * the same `context.messageId`: handling it again must do no harm.
 */
export async function handleMessage(
  message: unknown,
  { log }: MessageContext,
): Promise<void> {
  if (!hasId(message))
    throw new DeadLetterError(
      "the message has no id, and a retry would not give it one",
    );
  log.info({ id: message.id }, "Received a message!");
}

function hasId(message: unknown): message is { id: unknown } {
  return typeof message === "object" && message !== null && "id" in message;
}
