// The signals that ask this process to end: on the first one the caller drains; a second one, or SIGQUIT, ends the process
// at once.
import { endProcess } from '../exit.ts';

/** The number of each signal, for the exit code of a process that it ended at once. */
const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;

/** A signal that asks the process to end. */
export type EndSignal = keyof typeof numbers;

/**
 * For how long the same signal counts as an echo of the first one, in milliseconds. On Ctrl-C the terminal signals npx
 * and its child, and npx forwards the signal to its child as well, if the shell between them replaces itself with the
 * command (bash does, dash does not).
 */
const echoMs = 500;

/** The answers to signals. */
export interface SignalAnswers {
  readonly onFirst: (signal: EndSignal) => void;
  /** Called just before the process ends with 128 + the signal's number: on a second signal, or on the first SIGQUIT. */
  readonly onLast: (signal: EndSignal) => void;
}

/**
 * Answers these signals from now on.
 *
 * @returns a function that restores Node's default behaviour
 */
export function answerSignals(signals: readonly EndSignal[], answers: SignalAnswers): () => void {
  let first: { readonly signal: EndSignal; readonly at: number } | undefined;
  const onSignal = (signal: EndSignal): void => {
    const now = performance.now();
    if (!first && signal !== 'SIGQUIT') {
      first = { signal, at: now };
      answers.onFirst(signal);
    } else if (signal !== first?.signal || now - first.at > echoMs) {
      answers.onLast(signal);
      endProcess(128 + numbers[signal]);
    }
  };
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}
