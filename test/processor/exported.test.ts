// Which exports are processors.
import { describe, expect, it } from 'vitest';
import { defineProcessor } from '../../src/processor/definition.ts';
import { chooseProcessors, findProcessors, nameByPackage } from '../../src/processor/exported.ts';
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

const found = (exports: object) => findProcessors(exports, 'shop').processors.map(({ name }) => name);

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
    ['is not a function or value, at first', { b: () => 1, c: null, d: 7, e: 'x' }, []],
    ['may be an object, by the name of its export', { mail: new MailProcessor(), b: () => 1 }, ['mail']],
    [
      'is an object only if there is no class',
      { mail: new MailProcessor(), MailProcessor },
      ['MailProcessor'],
    ],
    [
      'may be a default object, by the name of the package',
      { default: { process() {} } },
      ['ShopServiceProcessor'],
    ],
    ['may be defined', { orders: defineProcessor({ process() {} }), Helper }, ['orders']],
    [
      'may be defined and the default',
      { default: defineProcessor({ process() {} }) },
      ['ShopServiceProcessor'],
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
    expect(findProcessors({ Helper, Unfinished, BaseServiceProcessor }, 'shop').exported).toEqual([
      'Helper',
      'Unfinished (it extends BaseServiceProcessor but has no process method)',
      'BaseServiceProcessor',
    ]);
  });
});

describe('the choice', () => {
  const { processors } = findProcessors({ MailProcessor, SmsProcessor }, 'shop');
  const choose = (configured?: string, among = processors) =>
    chooseProcessors({ processors: among, place: 'a.ts', configured }).map(({ name }) => name);

  it('is the only processor', () => {
    expect(choose(undefined, processors.slice(0, 1))).toEqual(['MailProcessor']);
  });

  it.each([
    ['SmsProcessor', ['SmsProcessor']],
    ['SmsProcessor, MailProcessor', ['SmsProcessor', 'MailProcessor']],
    ['SmsProcessor,SmsProcessor', ['SmsProcessor']],
    ['*', ['MailProcessor', 'SmsProcessor']],
  ])('is made by PROCESSOR_TYPE=%s', (configured, names) => {
    expect(choose(configured)).toEqual(names);
  });

  it.each([
    [
      undefined,
      'a.ts exports several processors: MailProcessor, SmsProcessor; set PROCESSOR_TYPE to one of them',
    ],
    [
      'smsProcessor',
      'a.ts exports no processor "smsProcessor" (PROCESSOR_TYPE); there are MailProcessor, SmsProcessor',
    ],
    ['MailProcessor,', 'a.ts exports no processor "" (PROCESSOR_TYPE)'],
  ])('cannot be made by PROCESSOR_TYPE=%s', (configured, message) => {
    expect(() => choose(configured)).toThrow(message);
  });

  it('is an error if PROCESSOR_TYPE names another than the only one', () => {
    expect(() => choose('Other', processors.slice(0, 1))).toThrow('the only processor is MailProcessor');
  });

  it("is never a class without a name, which the queue's variable needs", () => {
    const anonymous = findProcessors({ default: [class extends MailProcessor {}][0]! }, 'shop').processors;
    expect(() => choose(undefined, anonymous)).toThrow(
      'the processor class of a.ts has no name; give it one',
    );
  });
});

it.each([
  ['orders', 'OrdersServiceProcessor'],
  ['order-mail.v2', 'OrderMailV2ServiceProcessor'],
  ['@shop/orders', 'OrdersServiceProcessor'],
])('a processor without a name is named after the package %s', (name, expected) => {
  expect(nameByPackage(name)).toBe(expected);
});
