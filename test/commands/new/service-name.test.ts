// Which names a service may have, and the class and queue that follow from them.
import { describe, expect, it } from 'vitest';
import { parseServiceName } from '../../../src/commands/new/service-name.ts';
import { UsageError } from '../../../src/errors.ts';

describe('a name determines the class and the queue', () => {
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

describe('an invalid name is refused, with the suggestion of a valid one', () => {
  const rule = 'it must be a name for an npm package';
  it.each([
    ['Order Service', rule, '; try order-service'],
    ['OrderService', rule, '; try order-service'],
    ['büro', rule, '; try buro'],
    ['_private', rule, '; try private'],
    ['.hidden', rule, '; try hidden'],
    ['-rf', rule, '; try rf'],
    ['1st', rule, '; try st'],
    ['a/b', rule, '; try a-b'],
    ['a\\b', rule, '; try a-b'],
    ['a\nb', rule, '; try a-b'],
    ["it's", rule, '; try it-s'],
    ['', rule, '; choose another name'],
    ['---', rule, '; choose another name'],
    ['注文', rule, '; choose another name'],
    ['x'.repeat(76), 'it has 76 characters', '; choose another name'],
    ['events', 'it is a module of Node', '; try events-service'],
    ['node_modules', 'npm accepts no package of that name', '; try node_modules-service'],
    ['favicon.ico', 'npm accepts no package of that name', '; try favicon.ico-service'],
    ['typescript', 'the service depends on the package of that name', '; try typescript-service'],
    ['rococo-svchost', 'the service depends on the package of that name', '; try rococo-svchost-service'],
  ])('%j', (name, why, advice) => {
    const parse = () => parseServiceName(name);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(`${JSON.stringify(name)} cannot name a service: ${why}`);
    expect(parse).toThrow(advice);
  });
});
