// Which export is the processor's class.
import { describe, expect, it } from 'vitest';
import { chooseClass, findClasses } from '../../src/processor/class.ts';
import { BaseServiceProcessor } from '../../src/processor/processor.ts';

class MailProcessor extends BaseServiceProcessor {
  process(): void {}
}
class SmsProcessor extends MailProcessor {}
class Unfinished extends BaseServiceProcessor {
  override process = undefined as never;
}
class LogServiceProcessor {
  process(): void {}
}
class LateServiceProcessor extends LogServiceProcessor {}
class EmptyServiceProcessor {
  handle(): void {}
}
class Helper {
  process(): void {}
}

const found = (exports: object) => findClasses(exports).classes.map(({ name }) => name);

describe('a processor among the exports', () => {
  it.each<[string, object, string[]]>([
    ['extends BaseServiceProcessor', { MailProcessor, Helper }, ['MailProcessor']],
    ['may extend it indirectly', { SmsProcessor }, ['SmsProcessor']],
    [
      'is not BaseServiceProcessor itself, exported again',
      { BaseServiceProcessor, MailProcessor },
      ['MailProcessor'],
    ],
    ['may be the default', { default: MailProcessor }, ['MailProcessor']],
    ['is one class, even if exported twice', { default: MailProcessor, MailProcessor }, ['MailProcessor']],
    ["is known by its own name, not by the export's", { x: LogServiceProcessor }, ['LogServiceProcessor']],
    ['may be named …ServiceProcessor', { LogServiceProcessor, Helper }, ['LogServiceProcessor']],
    ['may inherit its process method', { LateServiceProcessor }, ['LateServiceProcessor']],
    ['is preferred if it extends it', { LogServiceProcessor, MailProcessor }, ['MailProcessor']],
    ['needs a process method', { EmptyServiceProcessor, Unfinished }, []],
    ['is not a class of another name', { Helper }, []],
    [
      'is not an object, function or value',
      { a: new MailProcessor(), b: () => 1, c: null, d: 7, e: 'x' },
      [],
    ],
    ['may be one of several', { MailProcessor, SmsProcessor }, ['MailProcessor', 'SmsProcessor']],
    [
      "may be the whole of a CommonJS module's exports",
      { default: MailProcessor, 'module.exports': MailProcessor },
      ['MailProcessor'],
    ],
    [
      'may be among the exports of a CommonJS module',
      { default: { MailProcessor, Helper } },
      ['MailProcessor'],
    ],
    [
      'may be the default of a translated module',
      { default: { __esModule: true, default: MailProcessor } },
      ['MailProcessor'],
    ],
  ])('%s', (_what, exports, names) => {
    expect(found(exports)).toEqual(names);
  });

  it('is named with its fault if it only lacks the method', () => {
    expect(findClasses({ Helper, Unfinished, BaseServiceProcessor }).exported).toEqual([
      'Helper',
      'Unfinished (it extends BaseServiceProcessor but has no process method)',
      'BaseServiceProcessor',
    ]);
  });
});

describe('the choice', () => {
  it('is the only class, whatever PROCESSOR_TYPE is', () => {
    expect(chooseClass([MailProcessor], 'a.ts', undefined)).toBe(MailProcessor);
    expect(chooseClass([MailProcessor], 'a.ts', 'Other')).toBe(MailProcessor);
  });

  it('is the class that PROCESSOR_TYPE names', () => {
    expect(chooseClass([MailProcessor, SmsProcessor], 'a.ts', 'SmsProcessor')).toBe(SmsProcessor);
  });

  it.each([
    [
      undefined,
      'a.ts exports several processors: MailProcessor, SmsProcessor; set PROCESSOR_TYPE to one of them',
    ],
    [
      'smsProcessor',
      'a.ts exports several processors: MailProcessor, SmsProcessor; PROCESSOR_TYPE "smsProcessor" is none of them',
    ],
  ])('among several cannot be made by PROCESSOR_TYPE %s', (configured, message) => {
    expect(() => chooseClass([MailProcessor, SmsProcessor], 'a.ts', configured)).toThrow(message);
  });

  it("is never a class without a name, which the queue's variable needs", () => {
    const anonymous = [class extends MailProcessor {}][0]!;
    expect(() => chooseClass([anonymous], 'a.ts', undefined)).toThrow(
      'the processor class of a.ts has no name; give it one',
    );
  });
});
