// Explains which field of a cron expression is faulty. Only croner decides whether an expression is valid.
import { suggest } from '../suggestion.ts';
import { isExpression } from './expression.ts';

/** A wrong expression: the two halves of a Problem. */
export interface Fault {
  readonly expected: string;
  readonly found: string;
}

const shape = 'a cron expression of 5 or 6 fields: [second] minute hour day-of-month month day-of-week';
const nicknames = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

/** The fields, the optional seconds first, with the values that they accept besides lists, ranges and steps. */
const fields = [
  { name: 'second', values: '0-59' },
  { name: 'minute', values: '0-59' },
  { name: 'hour', values: '0-23' },
  {
    name: 'day-of-month',
    values: '1-31, L (the last), LW (the last weekday) or 15W (the weekday nearest to the 15th)',
  },
  { name: 'month', values: '1-12 or JAN-DEC' },
  {
    name: 'day-of-week',
    values: '0-7 or SUN-SAT (0 and 7 are Sunday), FRI#2 (the second) or FRI#L (the last)',
  },
];

/** The fault in the notation of `text`; undefined if it is valid. */
export function faultOf(text: string): Fault | undefined {
  if (isExpression(text)) return undefined;
  if (text.startsWith('@')) return nicknameFault(text);
  const values = text.split(/\s+/);
  if (values.length < 5 || values.length > 6) return countFault(text, values.length);
  return fieldFault(text, values) ?? { expected: shape, found: `"${text}"` };
}

/** The fault of an expression that is valid, but never due, such as on February 30. */
export function neverDueFault(text: string): Fault {
  return {
    expected: 'an expression that matches some date',
    found: `"${text}", which matches no date`,
  };
}

function nicknameFault(text: string): Fault {
  const startup = text.toLowerCase() === '@reboot' ? '; to run at startup, set RUN_AT_STARTUP=true' : '';
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

/** The first field that croner refuses even when all others are `*`. */
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
