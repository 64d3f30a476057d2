// The way out to the mail provider, of which this one is a pretence. Knows which mails went out; knows no queue.
import { setTimeout as pause } from 'node:timers/promises';
import type { Mail } from './mail.ts';

export class Outbox {
  readonly #mails = new Map<string, Mail>();

  /** Everything that went out. */
  get mails(): readonly Mail[] {
    return [...this.#mails.values()];
  }

  /**
   * Hands a mail to the provider. Rejects once the signal is aborted.
   *
   * @param key by which a provider knows a mail that it is given a second time, and does not send again
   * @returns whether it went out now
   */
  async hand(mail: Mail, key: string, signal: AbortSignal): Promise<boolean> {
    await pause(50, undefined, { signal });
    if (this.#mails.has(key)) return false;
    this.#mails.set(key, mail);
    return true;
  }
}
