// Reads single values from text: numbers, durations, choices, lists. Pure; an error names the expected value.
import { isIPv6 } from 'node:net';
import { EnvError } from 'envalid';

/**
 * Reads a value from the text of a variable.
 *
 * @throws EnvError its message names the expected value
 */
export type Parse<T> = (text: string) => T;

/** The longest duration, in seconds: brokers and timers count milliseconds in 32 bits (about 49 days). */
export const longestDurationS = 4_294_967;

/** Any text. */
export const text: Parse<string> = (value) => value;

/** `true` or `false`, `1` or `0`, `yes` or `no`; any case. */
export const flag: Parse<boolean> = (value) => {
  switch (value.trim().toLowerCase()) {
    case 'true':
    case '1':
    case 'yes':
      return true;
    case 'false':
    case '0':
    case 'no':
      return false;
    default:
      throw new EnvError('true or false');
  }
};

/** One of a few words. */
export function choice<const T extends string>(...choices: readonly T[]): Parse<T> {
  return (value) => {
    const found = choices.find((word) => word === value.trim());
    if (found === undefined) throw new EnvError(listWords(choices));
    return found;
  };
}

/** As `choice`, in any case; gives the word as it is declared. */
export function anyCaseChoice<const T extends string>(...choices: readonly T[]): Parse<T> {
  return (value) => {
    const found = choices.find((word) => word.toLowerCase() === value.trim().toLowerCase());
    if (found === undefined) throw new EnvError(listWords(choices));
    return found;
  };
}

/**
 * A whole number in a range.
 *
 * @param what a name for it, for people
 */
export function integer(min: number, max: number, what = 'a whole number'): Parse<number> {
  return (value) => {
    const number = decimal(value);
    if (!Number.isInteger(number) || number < min || number > max) {
      throw new EnvError(`${what} from ${min} to ${max}`);
    }
    return number;
  };
}

/** A number, decimals allowed, from `min` up. */
export function numberFrom(min: number): Parse<number> {
  return (value) => {
    const number = decimal(value);
    if (!Number.isFinite(number) || number < min) throw new EnvError(`a number of ${min} or more`);
    return number;
  };
}

/** A duration in seconds, decimals allowed; gives milliseconds. `least` is `zero` if 0 makes sense. */
export function durationMs(least: 'zero' | 'positive'): Parse<number> {
  return (value) => {
    const seconds = decimal(value);
    const tooShort = least === 'zero' ? seconds < 0 : seconds <= 0;
    if (!Number.isFinite(seconds) || tooShort || seconds > longestDurationS) {
      throw new EnvError(
        `seconds, ${least === 'zero' ? '0' : 'more than 0'} to ${longestDurationS}, decimals allowed`,
      );
    }
    return Math.max(least === 'zero' ? 0 : 1, Math.round(seconds * 1000));
  };
}

/** An `http:` or `https:` URL. */
export const httpUrl: Parse<string> = (value) => {
  const text = value.trim();
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text)) {
    throw new EnvError('a URL such as "http://localhost:4566"');
  }
  return text;
};

/** A network host, with a port if the text names one. */
export interface HostAndPort {
  readonly hostname: string;
  readonly port: number | undefined;
}

/** Hosts by comma, each `name`, `name:port`, `address` or `[address]:port`. */
export const hostList: Parse<readonly HostAndPort[]> = (value) => {
  const hosts = value.split(',').map((entry) => hostAndPort(entry.trim()));
  if (!hosts.every((host) => host !== undefined)) {
    throw new EnvError(
      'one or more hosts by comma, each with or without a port, such as "rabbit-1,rabbit-2:5673"',
    );
  }
  return hosts;
};

function hostAndPort(entry: string): HostAndPort | undefined {
  // An IPv6 address contains colons, so it carries a port only in brackets.
  if (isIPv6(entry)) return { hostname: entry, port: undefined };
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?$/i.exec(entry);
  const hostname = match?.[1] ?? match?.[2];
  if (hostname === undefined || (match?.[1] !== undefined && !isIPv6(hostname))) return undefined;
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  return { hostname, port };
}

/** A decimal number; NaN for anything else, such as `10s`, `0x10` or nothing. */
function decimal(value: string): number {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)\s*$/.test(value) ? Number(value) : NaN;
}

function listWords(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}
