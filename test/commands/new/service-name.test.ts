// What a service may be called, and what its class and its queue are called then.
import { describe, expect, it } from 'vitest';
import { parseServiceName } from '../../../src/commands/new/service-name.ts';
import { UsageError } from '../../../src/errors.ts';

describe('a name gives the class and the queue', () => {
  it.each([
    ['order-service', 'OrderServiceProcessor', 'order_service'],
    ['orders', 'OrdersServiceProcessor', 'orders'],
    ['nightly-report', 'NightlyReportServiceProcessor', 'nightly_report'],
    ['mail_service', 'MailServiceProcessor', 'mail_service'],
    ['acme.mail', 'AcmeMailServiceProcessor', 'acme_mail'],
    ['orderservice', 'OrderServiceProcessor', 'orderservice'],
    ['services', 'ServicesServiceProcessor', 'services'],
    ['service', 'ServiceProcessor', 'service'],
    ['s3-copy-2', 'S3Copy2ServiceProcessor', 's3_copy_2'],
    ['a--b-', 'ABServiceProcessor', 'a_b'],
    ['x'.repeat(75), `X${'x'.repeat(74)}ServiceProcessor`, 'x'.repeat(75)],
  ])('%s: %s on %s', (name, className, queueName) => {
    expect(parseServiceName(name)).toEqual({ name, className, queueName });
  });
});

describe('what is no name is refused, with one that will do', () => {
  const rule = 'it must be a name for an npm package';
  it.each([
    ['Order Service', rule, '; order-service will do'],
    ['OrderService', rule, '; order-service will do'],
    ['büro', rule, '; buro will do'],
    ['_private', rule, '; private will do'],
    ['.hidden', rule, '; hidden will do'],
    ['-rf', rule, '; rf will do'],
    ['1st', rule, '; st will do'],
    ['a/b', rule, '; a-b will do'],
    ['a\\b', rule, '; a-b will do'],
    ['a\nb', rule, '; a-b will do'],
    ["it's", rule, '; it-s will do'],
    ['', rule, '; choose another one'],
    ['---', rule, '; choose another one'],
    ['注文', rule, '; choose another one'],
    ['x'.repeat(76), 'it has 76 characters', '; choose another one'],
    ['events', 'it is a module of Node', '; events-service will do'],
    ['node_modules', 'npm accepts no package of that name', '; node_modules-service will do'],
    ['favicon.ico', 'npm accepts no package of that name', '; favicon.ico-service will do'],
    ['typescript', 'the service depends on the package of that name', '; typescript-service will do'],
    ['rococo-svchost', 'the service depends on the package of that name', '-service will do'],
  ])('%j', (name, why, advice) => {
    const parse = () => parseServiceName(name);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(`${JSON.stringify(name)} cannot name a service: ${why}`);
    expect(parse).toThrow(advice);
  });
});
