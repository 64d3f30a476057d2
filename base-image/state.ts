// The state that the first step of a build leaves for the second.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

export interface State {
  /** The hash of the plan that was carried out; empty if there was none. */
  readonly fingerprint: string;
  /** The container of the first step, if the builder names it. */
  readonly container: string;
}

export function writeState(file: string, state: State): void {
  writeFileSync(file, JSON.stringify(state));
}

/** Without a first step nothing is installed. */
export function readState(file: string): State {
  return existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as State)
    : { fingerprint: '', container: '' };
}
