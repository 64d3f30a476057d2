// A processor that logs the messages it receives.
import { BaseServiceProcessor, type MessageContext } from 'rococo-svchost';
import { handleMessage } from './lib/handler.ts';

export class ChildLoggingServiceProcessor extends BaseServiceProcessor {
  override async process(message: unknown, context: MessageContext): Promise<void> {
    await handleMessage(message, context);
  }
}
