// Failed calls to SQS: which are refusals, and their wording, as a table.
import { expect, it } from 'vitest';
import { BrokerRefusedError } from '../../../src/errors.ts';
import {
  failureOf,
  isAccessDenied,
  isClockCorrected,
  isMissingQueue,
} from '../../../src/messaging/sqs/failure.ts';

const place = { action: 'ReceiveMessage', queueName: 'orders', region: 'eu-central-1' };

function sdkError(name: string, extra: object = {}, message = 'the SDK says so'): Error {
  return Object.assign(new Error(message), { name }, extra);
}

it.for<[string, Error, boolean, string]>([
  ['expired credentials', sdkError('ExpiredToken'), true, 'refused expired credentials'],
  ['wrong credentials', sdkError('InvalidClientTokenId'), true, 'AWS_SECRET_ACCESS_KEY'],
  ['no credentials', sdkError('CredentialsProviderError'), true, 'no AWS credentials: set AWS_ACCESS_KEY_ID'],
  ['a missing right', sdkError('AccessDeniedException'), true, 'denied sqs:ReceiveMessage on queue "orders"'],
  ['a 403', sdkError('Odd', { $metadata: { httpStatusCode: 403 } }), true, 'allow the IAM action'],
  ['a missing queue', sdkError('QueueDoesNotExist'), false, 'no queue "orders" in eu-central-1'],
  ['a missing queue by its old name', sdkError('AWS.SimpleQueueService.NonExistentQueue'), false, 'no queue'],
  [
    'throttling',
    sdkError('ThrottlingException'),
    false,
    'SQS throttles sqs:ReceiveMessage on queue "orders"',
  ],
  ['an unknown host', sdkError('Error', { code: 'ENOTFOUND' }), false, 'check AWS_REGION "eu-central-1"'],
  [
    'a reset connection',
    sdkError('Error', { code: 'ECONNRESET' }),
    false,
    'on queue "orders": the SDK says so',
  ],
  ['an error without a message', sdkError('TimeoutError', {}, ''), false, 'on queue "orders": TimeoutError'],
])('%s', ([, cause, isRefusal, text]) => {
  const failure = failureOf(cause, place);
  expect(failure instanceof BrokerRefusedError).toBe(isRefusal);
  expect(failure.message).toContain(text);
  expect(failure.cause).toBe(cause);
  if (!isRefusal) expect(failure.name).toBe(cause.name);
});

it('a failed call without a queue names none', () => {
  const denied = failureOf(sdkError('AccessDenied'), {
    ...place,
    action: 'ListQueues',
    queueName: undefined,
  });
  expect(denied.message).toContain('denied sqs:ListQueues on queues:');
  expect(failureOf(sdkError('Error'), { ...place, queueName: undefined }).message).toBe(
    'sqs:ReceiveMessage: the SDK says so',
  );
});

it('a failure is still recognized by its cause', () => {
  const of = (cause: Error) => failureOf(cause, place);
  expect([isMissingQueue(of(sdkError('QueueDoesNotExist'))), isMissingQueue(of(sdkError('Odd')))]).toEqual([
    true,
    false,
  ]);
  expect([
    isAccessDenied(of(sdkError('AccessDenied'))),
    isAccessDenied(of(sdkError('ExpiredToken'))),
  ]).toEqual([true, false]);
  const corrected = sdkError('RequestTimeTooSkewed', { $metadata: { clockSkewCorrected: true } });
  expect([isClockCorrected(of(corrected)), isClockCorrected(of(sdkError('Odd')))]).toEqual([true, false]);
});
