// Asks questions on the terminal, each until its answer is accepted.
import { createInterface } from 'node:readline';
import { UsageError } from '../../errors.ts';

/** The streams for questions and answers. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** Asks until `read` accepts the answer; prints the message of each UsageError that it throws, then asks again. */
export type Ask = <T>(question: string, read: (answer: string) => T) => Promise<T>;

/**
 * Opens the terminal for some questions, and closes it after them.
 *
 * @throws UsageError no more answers can come: Ctrl+C, Ctrl+D or the end of the input
 */
export async function interview<T>(
  { input, output }: Terminal,
  questions: (ask: Ask) => Promise<T>,
): Promise<T> {
  const lines = createInterface({ input, output });
  let isOpen = true;
  lines.once('close', () => (isOpen = false));
  // Not `question`: it loses lines that are typed before it is called.
  const answers = lines[Symbol.asyncIterator]();
  const ask: Ask = async (question, read) => {
    for (;;) {
      lines.setPrompt(question);
      // The input may have ended while answers are still unread.
      if (isOpen) lines.prompt();
      else output.write(question);
      const { done, value } = await answers.next();
      if (done === true) {
        output.write('\n');
        throw new UsageError('the questions were not answered, so nothing was written');
      }
      try {
        return read(value.trim());
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        output.write(`${error.message}\n`);
      }
    }
  };
  try {
    return await questions(ask);
  } finally {
    lines.close();
  }
}
