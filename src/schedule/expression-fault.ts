// Finds the faulty field of a cron expression. Only the words are decided here: croner alone decides what is valid.
import { suggest } from '../suggestion.ts';
import { isExpression } from './expression.ts';

/** A wrong expression: the two halves of a Problem. */
export interface Fault {
  readonly expected: string;
  readonly found: string;
}

const shape = 'a cron expression of 5 or 6 fields: [second] minute hour day-of-month month day-of-week';
const nicknames = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

/** The fields, the optional seconds first, with the values that they take beside lists, ranges and steps. */
const fields = [
  { name: 'second', values: '0-59' },
  { name: 'minute', values: '0-59' },
  { name: 'hour', values: '0-23' },
  {
    name: 'day-of-month',
    values: '1-31, L (the last), LW (the last Monday to Friday) or 15W (the one nearest)',
  },
  { name: 'month', values: '1-12 or JAN-DEC' },
  {
    name: 'day-of-week',
    values: '0-7 or SUN-SAT (0 and 7 are Sunday), FRI#2 (the second) or FRI#L (the last)',
  },
];

/** The fault in the notation of `text`; undefined if it can be read. */
export function faultOf(text: string): Fault | undefined {
  if (isExpression(text)) return undefined;
  if (text.startsWith('@')) return nicknameFault(text);
  const values = text.split(/\s+/);
  if (values.length < 5 || values.length > 6) return countFault(text, values.length);
  return fieldFault(text, values) ?? { expected: shape, found: `"${text}"` };
}

/** The fault of an expression that can be read, but names a date that no year has. */
export function neverDueFault(text: string): Fault {
  return {
    expected: 'an expression that is due at some time',
    found: `"${text}", which names no date there is`,
  };
}

function nicknameFault(text: string): Fault {
  const startup = text.toLowerCase() === '@reboot' ? '; for a run at the start, set RUN_AT_STARTUP=true' : '';
  const suggestion = suggest(text.toLowerCase(), nicknames);
  const hint = suggestion && !startup ? ` (did you mean ${suggestion}?)` : startup;
  return { expected: `one of ${nicknames.join(', ')}${hint}`, found: `"${text}"` };
}

function countFault(text: string, count: number): Fault {
  const year = count === 7 ? ' (a year is not one of them)' : '';
  return {
    expected: `${shape}${year}`,
    found: `"${text}", which has ${count} field${count === 1 ? '' : 's'}`,
  };
}

/** The first field that croner refuses even when all the others are open. */
function fieldFault(text: string, values: readonly string[]): Fault | undefined {
  const named = fields.slice(-values.length);
  for (const [index, value] of values.entries()) {
    const field = named[index];
    const alone = values.map((_, other) => (other === index ? value : '*')).join(' ');
    if (!field || isExpression(alone)) continue;
    return {
      expected: `for the ${field.name} ${field.values}; in lists (1,15), ranges from low to high (1-5) or steps (*/5, 10-30/5)`,
      found: `"${value}" as the ${field.name} of "${text}"`,
    };
  }
  return undefined;
}
