// The signals that ask this process to end: the first one drains, a second one ends it at once. The drain is the caller's.

/** The number of each signal, for the exit code of a process that it ended at once. */
const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** A signal that asks the process to end. */
export type EndSignal = keyof typeof numbers;

/**
 * For how long after the first signal the same one is taken for its echo, in milliseconds: on Ctrl-C the terminal signals
 * both npx and its child, and npx passes the signal on to that child if its shell replaces itself with the command (bash
 * does, dash does not).
 */
const echoMs = 500;

/** The answers to signals. */
export interface SignalAnswers {
  readonly onFirst: (signal: EndSignal) => void;
  /** Called just before the process ends with 128 + the signal's number. */
  readonly onSecond: (signal: EndSignal) => void;
}

/**
 * Answers these signals from now on.
 *
 * @returns a function that restores Node's own answer
 */
export function answerSignals(signals: readonly EndSignal[], answers: SignalAnswers): () => void {
  let first: { readonly signal: EndSignal; readonly at: number } | undefined;
  const onSignal = (signal: EndSignal): void => {
    const now = performance.now();
    if (!first) {
      first = { signal, at: now };
      answers.onFirst(signal);
    } else if (signal !== first.signal || now - first.at > echoMs) {
      answers.onSecond(signal);
      process.exit(128 + numbers[signal]);
    }
  };
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}
