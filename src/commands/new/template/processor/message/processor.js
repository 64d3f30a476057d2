// The processor of the queue: svchost finds it and calls it with each message. The business logic is in lib/.
import { BaseServiceProcessor } from "rococo-svchost";
import { handleMessage } from "./lib/handler.js";

/** @import { MessageContext } from 'rococo-svchost' */

/** Processes the messages of the queue, one per call. */
export class MyServiceProcessor extends BaseServiceProcessor {
  /**
   * @override
   * @param {unknown} message
   * @param {MessageContext} context
   */
  async process(message, context) {
    await handleMessage(message, context);
  }
}
