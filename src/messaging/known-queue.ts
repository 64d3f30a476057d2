// The queues of one connection that are known to exist, so that the broker is not asked again for each message.

/** The broker's answers by queue name; one that is on its way counts too, so that it is asked for only once. */
export class KnownQueues<Answer> {
  readonly #answers = new Map<string, Promise<Answer>>();

  /** The remembered answer; if there is none, that of `ask`. An answer that rejects is not remembered. */
  async ask(queueName: string, ask: () => Promise<Answer>): Promise<Answer> {
    const answer = this.#answers.get(queueName) ?? ask();
    this.#answers.set(queueName, answer);
    try {
      return await answer;
    } catch (error) {
      this.forget(queueName);
      throw error;
    }
  }

  /** Makes the next `ask` reach the broker: the queue turned out to be missing. */
  forget(queueName: string): void {
    this.#answers.delete(queueName);
  }
}
