// The consume config: a dotenv file that an operator edits while the host runs. Read again when it has changed.
import { readFileSync, statSync } from 'node:fs';
import { describeProblem, toError } from '../errors.ts';
import { brokers, messagingTypes, type MessagingType } from './brokers.ts';
import { parseEnvFile } from './env-file.ts';
import { isSet, type Environment } from './environment.ts';
import { flag, type Parse } from './variable/value.ts';

/** The values of a consume config file. */
export interface ConsumeConfig {
  /** End the host once the queue is empty. */
  readonly exitWhenFinished: boolean;
  /** The broker's own variables, by name; see `Broker.consumeVariables`. */
  readonly tuning: Readonly<Record<string, number>>;
}

/** The options of a {@link ConsumeConfigFile}. */
export interface ConsumeConfigOptions {
  readonly path: string;
  readonly broker: MessagingType;
  /** Called once per version of the file for each wrong value, and for the variables that this broker does not use. */
  readonly onWarning: (message: string) => void;
}

/** One consume config file. If it is missing or cannot be read, it sets nothing. */
export class ConsumeConfigFile {
  readonly #options: ConsumeConfigOptions;
  #version = '';
  #config: ConsumeConfig = { exitWhenFinished: false, tuning: {} };

  constructor(options: ConsumeConfigOptions) {
    this.#options = options;
  }

  /** The file's values as they are now. */
  read(): ConsumeConfig {
    const version = this.#currentVersion();
    if (version === this.#version) return this.#config;
    this.#version = version;
    this.#config = this.#parse(this.#load());
    return this.#config;
  }

  #currentVersion(): string {
    try {
      const { mtimeMs, size, ino } = statSync(this.#options.path);
      return `${mtimeMs} ${size} ${ino}`;
    } catch (error) {
      // It is missing or out of reach; reading it says which.
      return toError(error).message;
    }
  }

  #load(): Environment {
    try {
      const { variables, notes } = parseEnvFile(readFileSync(this.#options.path, 'utf8'));
      for (const note of notes) this.#warn(note);
      return variables;
    } catch (error) {
      this.#warn(`${toError(error).message}; the file is ignored`);
      return {};
    }
  }

  #parse(env: Environment): ConsumeConfig {
    const { broker } = this.#options;
    this.#warnOfUnused(env);
    const exitWhenFinished = this.#value(env, 'EXIT_WHEN_FINISHED', flag) ?? false;
    const tuning: Record<string, number> = {};
    for (const [name, parse] of Object.entries(brokers[broker].consumeVariables)) {
      const value = this.#value(env, name, parse);
      if (value !== undefined) tuning[name] = value;
    }
    return { exitWhenFinished, tuning };
  }

  /** Undefined if it is unset or wrong; the other values still count. */
  #value<T>(env: Environment, name: string, parse: Parse<T>): T | undefined {
    const text = env[name];
    if (text === undefined || !isSet(env, name)) return undefined;
    try {
      return parse(text);
    } catch (error) {
      const problem = { name, expected: toError(error).message, found: JSON.stringify(text) };
      this.#warn(`${describeProblem(problem)}; it counts as unset`);
      return undefined;
    }
  }

  #warnOfUnused(env: Environment): void {
    const own = Object.keys(brokers[this.#options.broker].consumeVariables);
    for (const { name, consumeVariables } of messagingTypes.map((type) => brokers[type])) {
      const unused = Object.keys(consumeVariables).filter((each) => !own.includes(each) && isSet(env, each));
      if (unused.length === 0) continue;
      this.#warn(`not used with ${this.#options.broker}, only on ${name}: ${unused.join(', ')}`);
    }
  }

  #warn(what: string): void {
    this.#options.onWarning(`CONSUME_CONFIG_FILE_PATH ${this.#options.path}: ${what}`);
  }
}
