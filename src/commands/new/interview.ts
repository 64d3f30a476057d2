// Questions to whoever sits at the terminal. Owns how they are put, not what is asked.
import { createInterface } from 'node:readline';
import { UsageError } from '../../errors.ts';

/** Where questions are put and answers come from. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** Puts a question until `read` takes the answer; what it throws as a UsageError is said, and the question put again. */
export type Ask = <T>(question: string, read: (answer: string) => T) => Promise<T>;

/**
 * Holds the terminal for some questions.
 *
 * @throws UsageError no answer will come any more: Ctrl+C, Ctrl+D or the end of the input
 */
export async function interview<T>(
  { input, output }: Terminal,
  questions: (ask: Ask) => Promise<T>,
): Promise<T> {
  const lines = createInterface({ input, output });
  let isOpen = true;
  lines.once('close', () => (isOpen = false));
  // Not `question`: it loses what is typed before it is put.
  const answers = lines[Symbol.asyncIterator]();
  const ask: Ask = async (question, read) => {
    for (;;) {
      lines.setPrompt(question);
      // The input may have ended with answers that are still to be read.
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
