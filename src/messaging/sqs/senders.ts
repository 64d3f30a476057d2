// The senders of one connection, one for each queue that it sends to.
import type { AdapterContext } from '../adapter.ts';
import type { SqsApi } from './api.ts';
import type { SqsQueue } from './queue.ts';
import { Sender } from './sender.ts';

export class Senders {
  readonly #api: SqsApi;
  readonly #context: AdapterContext;
  readonly #closed = new AbortController();
  readonly #byUrl = new Map<string, Sender>();

  constructor(api: SqsApi, context: AdapterContext) {
    this.#api = api;
    this.#context = context;
  }

  to(queue: SqsQueue): Sender {
    let sender = this.#byUrl.get(queue.url);
    if (!sender) {
      sender = new Sender(this.#api, this.#context, queue, this.#closed.signal);
      this.#byUrl.set(queue.url, sender);
    }
    return sender;
  }

  /** Nothing is tried again any more. */
  close(): void {
    this.#closed.abort();
  }
}
