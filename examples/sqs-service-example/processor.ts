// A processor for SQS, ten messages at a time. SQS may deliver a message twice: its id is the same both times.
import { BaseServiceProcessor, DeadLetterError, type MessageContext } from 'rococo-svchost';
import { isMail } from './lib/mail.ts';
import { Outbox } from './lib/outbox.ts';

export class MailServiceProcessor extends BaseServiceProcessor {
  readonly #outbox = new Outbox();

  override async process(message: unknown, { messageId, signal, log }: MessageContext): Promise<void> {
    if (!isMail(message)) throw new DeadLetterError('not a mail: it needs "to" and "subject"');
    const isNew = await this.#outbox.hand(message, messageId, signal);
    log.info({ isNew }, 'Mail handed over!');
  }
}
