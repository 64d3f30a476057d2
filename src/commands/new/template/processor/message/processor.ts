// The processor of the queue: svchost finds it, and hands it each message. What is done with one is in lib/.
import { BaseServiceProcessor, type MessageContext } from 'rococo-svchost';
import { handleMessage } from './lib/handler.ts';

export class MyServiceProcessor extends BaseServiceProcessor {
  override async process(message: unknown, context: MessageContext): Promise<void> {
    await handleMessage(message, context);
  }
}
