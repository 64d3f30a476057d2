// The copies for retries and dead letters.
import type { MessageProperties } from 'amqplib';
import { describe, expect, it } from 'vitest';
import {
  deadLetterCopy,
  formsOf,
  retryCopy,
  type Copy,
  type Original,
} from '../../../src/messaging/rabbitmq/copy.ts';

const nothing: MessageProperties = {
  contentType: undefined,
  contentEncoding: undefined,
  headers: undefined,
  deliveryMode: undefined,
  priority: undefined,
  correlationId: undefined,
  replyTo: undefined,
  expiration: undefined,
  messageId: undefined,
  timestamp: undefined,
  type: undefined,
  userId: undefined,
  appId: undefined,
  clusterId: undefined,
};

function original(properties: Partial<MessageProperties> = {}): Original {
  return {
    messageId: 'id-1',
    attempt: 2,
    firstSeen: new Date('2026-01-01T00:00:00.000Z'),
    properties: { ...nothing, ...properties },
  };
}

/** A copy as it is written, if all of it can be. */
function whole(copy: Copy) {
  return formsOf(copy)[0];
}

describe('a copy for a retry', () => {
  it('counts one more attempt, and keeps the time at which the message was first seen', () => {
    expect(whole(retryCopy(original())).headers).toEqual({
      'svchost-attempt': 3,
      'svchost-first-seen': '2026-01-01T00:00:00.000Z',
    });
  });

  it('is persistent, and has the id of the message, even if the sender gave none', () => {
    expect(whole(retryCopy(original({ deliveryMode: 1 })))).toMatchObject({
      persistent: true,
      messageId: 'id-1',
    });
  });

  it("keeps the sender's properties of the message", () => {
    const said = {
      contentType: 'application/json',
      contentEncoding: 'gzip',
      priority: 7,
      correlationId: 'c',
      replyTo: 'answers',
      timestamp: 1_700_000_000,
      type: 'order',
      appId: 'shop',
    };
    expect(whole(retryCopy(original(said)))).toMatchObject(said);
  });

  it('drops properties that would make the broker drop, refuse or multiply it', () => {
    const headers = {
      CC: ['others'],
      BCC: ['more'],
      'x-death': [],
      'x-first-death-queue': 'q',
      'x-own': 'kept',
    };
    const copy = whole(retryCopy(original({ expiration: '1', userId: 'somebody', headers })));
    expect(copy).not.toHaveProperty('expiration');
    expect(copy).not.toHaveProperty('userId');
    expect(Object.keys(copy.headers as object).sort()).toEqual([
      'svchost-attempt',
      'svchost-first-seen',
      'x-own',
    ]);
  });
});

describe('a copy for the dead-letter queue', () => {
  const now = new Date('2026-01-02T00:00:00.000Z');
  const error = { name: 'TypeError', message: 'no such order' };
  const verdict = { queueName: 'orders', reason: 'failed', error, at: now } as const;

  it('gives the reason, the source, the number of attempts and their times', () => {
    expect(whole(deadLetterCopy(original(), verdict)).headers).toEqual({
      'svchost-reason': 'failed',
      'svchost-error': 'TypeError: no such order',
      'svchost-source-queue': 'orders',
      'svchost-attempts': 2,
      'svchost-first-seen': '2026-01-01T00:00:00.000Z',
      'svchost-last-seen': '2026-01-02T00:00:00.000Z',
    });
  });

  it('is at its first attempt if it is consumed', () => {
    const copy = whole(deadLetterCopy(original({ headers: { 'svchost-attempt': 2 } }), verdict));
    expect(copy.headers).not.toHaveProperty('svchost-attempt');
  });

  it('can drop the headers of others, and says so', () => {
    const [, reduced] = formsOf(deadLetterCopy(original({ headers: { huge: 'x' } }), verdict));
    const headers = reduced!.headers as object;
    expect(headers).not.toHaveProperty('huge');
    expect(headers).toMatchObject({ 'svchost-reason': 'failed', 'svchost-headers-dropped': true });
  });

  it('has its own reason and times, whatever the sender wrote under these names', () => {
    const forged = {
      'svchost-reason': 'timeout',
      'svchost-error': 'forged',
      'svchost-source-queue': 'elsewhere',
      'svchost-attempts': 99,
      'svchost-first-seen': '1999-01-01T00:00:00.000Z',
      'svchost-last-seen': '1999-01-01T00:00:00.000Z',
    };
    const copy = deadLetterCopy(original({ headers: forged }), verdict);
    expect(whole(copy).headers).toEqual(whole(deadLetterCopy(original(), verdict)).headers);
  });

  it("in its reduced forms has no header of the sender, not even one named like svchost's", () => {
    const forms = formsOf(deadLetterCopy(original({ headers: { 'svchost-other': 'x' } }), verdict));
    expect(forms[0].headers).toHaveProperty('svchost-other');
    for (const form of forms.slice(1)) expect(form.headers).not.toHaveProperty('svchost-other');
  });
});
