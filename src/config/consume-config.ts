// The consume config: a dotenv file that an operator edits while the host runs. Read again when it has changed.
import { readFileSync, statSync } from 'node:fs';
import { describeProblem, toError } from '../errors.ts';
import { parseEnvFile, type Environment } from './environment.ts';
import type { MessagingSettings } from './messaging.ts';
import { flag, integer, type Parse } from './value.ts';

export interface ConsumeConfig {
  /** End the host once the queue is empty. */
  readonly exitWhenFinished: boolean;
  /** How long a message is leased at a time, in seconds; undefined for the queue's own. Only on SQS. */
  readonly visibilityTimeoutS: number | undefined;
  /** How long a poll waits for messages, in seconds; undefined for SQS's longest. Only on SQS. */
  readonly listenIntervalS: number | undefined;
}

/** The variables that only SQS has a use for. SQS API, ReceiveMessage: but a lease of 0 s would be none. */
const sqsVariables = {
  VISIBILITY_TIMEOUT: integer(1, 43_200, 'whole seconds'),
  LISTEN_INTERVAL: integer(0, 20, 'whole seconds'),
} as const;

/** One consume config file. A file that is missing, or cannot be read, sets nothing. */
export class ConsumeConfigFile {
  readonly path: string;
  readonly #broker: MessagingSettings['type'];
  readonly #onWarning: (message: string) => void;
  #version = '';
  #config: ConsumeConfig = {
    exitWhenFinished: false,
    visibilityTimeoutS: undefined,
    listenIntervalS: undefined,
  };

  /** @param onWarning told once per version of the file what is wrong with it, or of no use on this broker */
  constructor(path: string, broker: MessagingSettings['type'], onWarning: (message: string) => void) {
    this.path = path;
    this.#broker = broker;
    this.#onWarning = onWarning;
  }

  /** What the file says now. */
  read(): ConsumeConfig {
    const version = this.#currentVersion();
    if (version === this.#version) return this.#config;
    this.#version = version;
    this.#config = this.#parse(this.#load());
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

  #load(): Environment {
    try {
      return parseEnvFile(readFileSync(this.path, 'utf8'));
    } catch (error) {
      this.#warn(`${toError(error).message}; nothing of it is used`);
      return {};
    }
  }

  #parse(env: Environment): ConsumeConfig {
    const exitWhenFinished = this.#value(env, 'EXIT_WHEN_FINISHED', flag) ?? false;
    if (this.#broker !== 'SqsConnection') {
      this.#warnOfUnused(env);
      return { exitWhenFinished, visibilityTimeoutS: undefined, listenIntervalS: undefined };
    }
    return {
      exitWhenFinished,
      visibilityTimeoutS: this.#value(env, 'VISIBILITY_TIMEOUT', sqsVariables.VISIBILITY_TIMEOUT),
      listenIntervalS: this.#value(env, 'LISTEN_INTERVAL', sqsVariables.LISTEN_INTERVAL),
    };
  }

  /** Undefined where it is unset, or wrong, which spoils no other value. */
  #value<T>(env: Environment, name: string, parse: Parse<T>): T | undefined {
    const text = env[name];
    if (text === undefined || text === '') return undefined;
    try {
      return parse(text);
    } catch (error) {
      const problem = { name, expected: toError(error).message, found: JSON.stringify(text) };
      this.#warn(`${describeProblem(problem)}; it counts as unset`);
      return undefined;
    }
  }

  #warnOfUnused(env: Environment): void {
    const unused = Object.keys(sqsVariables).filter((name) => (env[name] ?? '') !== '');
    if (unused.length > 0) this.#warn(`not used with ${this.#broker}, only on SQS: ${unused.join(', ')}`);
  }

  #warn(what: string): void {
    this.#onWarning(`CONSUME_CONFIG_FILE_PATH ${this.path}: ${what}`);
  }
}
