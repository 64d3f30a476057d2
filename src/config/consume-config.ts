// The consume config: a dotenv file that an operator edits while the host runs. Read again when it has changed.
import { readFileSync, statSync } from 'node:fs';
import { toError } from '../errors.ts';
import { parseEnvFile } from './environment.ts';
import { flag } from './value.ts';

export interface ConsumeConfig {
  /** End the host once the queue is empty. */
  readonly exitWhenFinished: boolean;
}

const nothing: ConsumeConfig = { exitWhenFinished: false };

/** One consume config file. A file that is missing, or cannot be read, sets nothing. */
export class ConsumeConfigFile {
  readonly path: string;
  readonly #onWarning: (message: string) => void;
  #version = '';
  #config = nothing;

  /** @param onWarning told once per version of the file what is wrong with it */
  constructor(path: string, onWarning: (message: string) => void) {
    this.path = path;
    this.#onWarning = onWarning;
  }

  /** What the file says now. */
  read(): ConsumeConfig {
    const version = this.#currentVersion();
    if (version === this.#version) return this.#config;
    this.#version = version;
    this.#config = this.#parse();
    return this.#config;
  }

  #currentVersion(): string {
    try {
      const { mtimeMs, size, ino } = statSync(this.path);
      return `${mtimeMs} ${size} ${ino}`;
    } catch (error) {
      // Missing, or not to be reached: reading it says which.
      return toError(error).message;
    }
  }

  #parse(): ConsumeConfig {
    let exitWhenFinished = '';
    try {
      exitWhenFinished = parseEnvFile(readFileSync(this.path, 'utf8'))['EXIT_WHEN_FINISHED'] ?? '';
    } catch (error) {
      this.#warn(toError(error).message);
    }
    try {
      return { exitWhenFinished: exitWhenFinished !== '' && flag(exitWhenFinished) };
    } catch (error) {
      const expected = toError(error).message;
      this.#warn(`EXIT_WHEN_FINISHED: expected ${expected}; found ${JSON.stringify(exitWhenFinished)}`);
      return nothing;
    }
  }

  #warn(what: string): void {
    this.#onWarning(`CONSUME_CONFIG_FILE_PATH ${this.path}: ${what}; nothing of it is used`);
  }
}
