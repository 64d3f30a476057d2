// The copies that retries and dead letters are.
import type { MessageProperties } from 'amqplib';
import { describe, expect, it } from 'vitest';
import {
  deadCopy,
  retryCopy,
  withoutForeignHeaders,
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
    firstSeen: '2026-01-01T00:00:00.000Z',
    queueName: 'orders',
    properties: { ...nothing, ...properties },
  };
}

describe('a copy for a retry', () => {
  it('counts one attempt more, and keeps when the message was first seen', () => {
    expect(retryCopy(original()).headers).toEqual({
      'svchost-attempt': 3,
      'svchost-first-seen': '2026-01-01T00:00:00.000Z',
    });
  });

  it('is persistent, and has the id of the message, also where the sender gave none', () => {
    expect(retryCopy(original({ deliveryMode: 1 }))).toMatchObject({ persistent: true, messageId: 'id-1' });
  });

  it('takes along what the sender said about the message', () => {
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
    expect(retryCopy(original(said))).toMatchObject(said);
  });

  it('leaves behind what would make the broker drop, refuse or multiply it', () => {
    const headers = {
      CC: ['others'],
      BCC: ['more'],
      'x-death': [],
      'x-first-death-queue': 'q',
      'x-own': 'kept',
    };
    const copy = retryCopy(original({ expiration: '1', userId: 'somebody', headers }));
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

  it('says why, where from, how often and when', () => {
    expect(deadCopy(original(), 'failed', error, now).headers).toEqual({
      'svchost-reason': 'failed',
      'svchost-error': 'TypeError: no such order',
      'svchost-source-queue': 'orders',
      'svchost-attempts': 2,
      'svchost-first-seen': '2026-01-01T00:00:00.000Z',
      'svchost-last-seen': '2026-01-02T00:00:00.000Z',
    });
  });

  it('is at its first attempt where somebody consumes it', () => {
    const copy = deadCopy(original({ headers: { 'svchost-attempt': 2 } }), 'failed', error, now);
    expect(copy.headers).not.toHaveProperty('svchost-attempt');
  });

  it('can do without the headers of others, and says so', () => {
    const copy = deadCopy(original({ headers: { huge: 'x' } }), 'failed', error, now);
    const headers = withoutForeignHeaders(copy).headers as object;
    expect(headers).not.toHaveProperty('huge');
    expect(headers).toMatchObject({ 'svchost-reason': 'failed', 'svchost-headers-dropped': true });
  });
});
