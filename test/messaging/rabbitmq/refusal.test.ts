// Which failures of RabbitMQ are permanent, as tables.
import { describe, expect, it } from 'vitest';
import { BrokerRefusedError } from '../../../src/errors.ts';
import {
  connectionRefusal,
  isClosedAtOpen,
  queueRefusal,
  replyCodeOf,
} from '../../../src/messaging/rabbitmq/refusal.ts';

const address = 'amqp://guest:***@localhost:5672/%2F';
const withCode = (code: unknown) => Object.assign(new Error('closed by the server'), { code });

describe('a failure to connect', () => {
  it.for<[string, string]>([
    ['Handshake terminated by server: 403 (ACCESS-REFUSED) with message "…"', 'RABBITMQ_PASSWORD'],
    ['SASL mechanism PLAIN is not provided by the server', 'RABBITMQ_USER'],
  ])('by "%s" is permanent', ([message, hint]) => {
    const cause = new Error(message);
    const refusal = connectionRefusal(cause, address);
    expect(refusal).toBeInstanceOf(BrokerRefusedError);
    expect(refusal).toMatchObject({ cause, message: expect.stringContaining(hint) as string });
    expect(refusal!.message).toContain(address);
  });

  it.for<[string, number, boolean]>([
    ['NOT_ALLOWED - vhost shop not found', 530, true],
    ["NOT_ALLOWED - access to vhost 'shop' refused for user 'me'", 530, true],
    [
      "NOT_ALLOWED - access to vhost 'shop' refused for user 'me': connection limit (5) is reached",
      530,
      false,
    ],
    ["INTERNAL_ERROR - access to vhost 'shop' refused for user 'me': vhost 'shop' is down", 541, false],
    ['CONNECTION_FORCED - broker forced connection closure', 320, false],
  ])('at its opening, with the reason "%s" (%i), is permanent: %s', ([text, code, isPermanent]) => {
    const cause = new Error('Expected ConnectionOpenOk; got <ConnectionClose channel:0>');
    expect(isClosedAtOpen(cause)).toBe(true);
    const refusal = connectionRefusal(cause, address, { code, text });
    if (!isPermanent) return expect(refusal).toBeUndefined();
    expect(refusal!.message).toContain(text);
    expect(refusal!.message).toContain('RABBITMQ_VIRTUAL_HOST');
  });

  it.for([
    'connect ECONNREFUSED 127.0.0.1:5672',
    'Socket closed abruptly during opening handshake',
    'Handshake terminated by server: 320 (CONNECTION-FORCED)',
    'Expected ConnectionOpenOk; got <ChannelClose channel:0>',
  ])('by "%s" is temporary', (message) => {
    expect(connectionRefusal(new Error(message), address)).toBeUndefined();
  });
});

describe('a failure on a queue', () => {
  it.for<[number, string]>([
    [403, 'closed by the server'],
    [406, 'closed by the server'],
    [530, 'closed by the server'],
  ])('with reply code %i is permanent', ([code, text]) => {
    const refusal = queueRefusal(withCode(code), 'orders', address);
    expect(refusal).toBeInstanceOf(BrokerRefusedError);
    expect(refusal!.message).toContain('"orders"');
    expect(refusal!.message).toContain(text);
  });

  it.for([404, 405, 320, 541, undefined, 'ECONNRESET'])('with code %s is temporary', (code) => {
    expect(queueRefusal(withCode(code), 'orders', address)).toBeUndefined();
  });
});

it.for<[unknown, number | undefined]>([
  [withCode(404), 404],
  [withCode('404'), undefined],
  [new Error('none'), undefined],
  [undefined, undefined],
  [null, undefined],
  ['404', undefined],
])('the reply code of %o is %s', ([error, code]) => {
  expect(replyCodeOf(error)).toBe(code);
});
