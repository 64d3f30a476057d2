// The consume config: a dotenv file that an operator edits while the host runs. Read again when it has changed.
import { readFileSync, statSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { toError } from '../errors.ts';
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
    const stats = statSync(this.path, { throwIfNoEntry: false });
    return stats ? `${stats.mtimeMs} ${stats.size} ${stats.ino}` : 'missing';
  }

  #parse(): ConsumeConfig {
    try {
      const { EXIT_WHEN_FINISHED = '' } = parseEnv(readFileSync(this.path, 'utf8'));
      return { exitWhenFinished: EXIT_WHEN_FINISHED !== '' && flag(EXIT_WHEN_FINISHED) };
    } catch (error) {
      this.#onWarning(
        `CONSUME_CONFIG_FILE_PATH ${this.path}: ${toError(error).message}; nothing of it is used`,
      );
      return nothing;
    }
  }
}
