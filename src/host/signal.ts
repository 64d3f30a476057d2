// The signals that ask this process to end: the first one drains, a second one ends it at once. Owns no drain.

/** Each signal's number, for the exit code of a process that it ended at once. */
const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export type EndSignal = keyof typeof numbers;

/**
 * How soon after the first the same signal is still the first one, in milliseconds: the terminal sends Ctrl-C to npx and to
 * its child, and npx passes it on to that child, where its shell is one that makes way for the command (bash, not dash).
 */
const echoMs = 500;

export interface SignalAnswers {
  readonly onFirst: (signal: EndSignal) => void;
  /** Just before the process ends with 128 + the signal's number. */
  readonly onSecond: (signal: EndSignal) => void;
}

/**
 * Answers these signals from now on.
 *
 * @returns a function that leaves them to Node again
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
