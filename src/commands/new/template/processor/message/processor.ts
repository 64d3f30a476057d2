// The processor of the queue: svchost finds it and calls it with each message. The business logic is in lib/.
import { BaseServiceProcessor, type MessageContext } from "rococo-svchost";
import { handleMessage } from "./lib/handler.ts";

/** Processes the messages of the queue, one per call. */
export class MyServiceProcessor extends BaseServiceProcessor {
  override async process(
    message: unknown,
    context: MessageContext,
  ): Promise<void> {
    await handleMessage(message, context);
  }
}
