// The connection to the mail provider, which is simulated. Remembers the mails that were sent.
import { setTimeout as pause } from 'node:timers/promises';
import type { Mail } from './mail.ts';

export class Outbox {
  readonly #mails = new Map<string, Mail>();

  /** All mails that were sent. */
  get mails(): readonly Mail[] {
    return [...this.#mails.values()];
  }

  /**
   * Passes a mail to the provider. Rejects once the signal is aborted.
   *
   * @param key by which the provider recognizes a mail that it has already received, and does not send it again
   * @returns whether the provider sent it now
   */
  async hand(mail: Mail, key: string, signal: AbortSignal): Promise<boolean> {
    await pause(50, undefined, { signal });
    if (this.#mails.has(key)) return false;
    this.#mails.set(key, mail);
    return true;
  }
}
