// Recognises permanent refusals, by AMQP reply code and by amqplib's error texts. Pure.
import { BrokerRefusedError, toError } from '../../errors.ts';
import type { CloseReason } from './close-reason.ts';

/** AMQP 0-9-1 reply codes, section "Constants" of the specification. */
export const replyCode = {
  accessRefused: 403,
  notFound: 404,
  resourceLocked: 405,
  preconditionFailed: 406,
  notAllowed: 530,
} as const;

/** The AMQP reply code of an error of amqplib, if it has one. */
export function replyCodeOf(error: unknown): number | undefined {
  if (error === null || typeof error !== 'object') return undefined;
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : undefined;
}

/** Whether the broker closed a connection that was being opened, for a reason that amqplib drops. */
export function isClosedAtOpen(error: unknown): boolean {
  return /Expected ConnectionOpenOk; got <ConnectionClose/.test(toError(error).message);
}

/**
 * The refusal behind a failed attempt to connect, if the next one must fail too: wrong credentials, or a virtual host
 * that does not exist or that the user may not access. Undefined if the next attempt may succeed, as with a virtual host
 * that is down or has too many connections.
 *
 * @param reason the broker's own reason, if it closed the connection at its opening
 */
export function connectionRefusal(
  cause: unknown,
  address: string,
  reason?: CloseReason,
): BrokerRefusedError | undefined {
  const { message } = toError(cause);
  // For a refused handshake amqplib has no code, only a text (lib/connection.js, afterStartOk and onStart).
  if (
    /Handshake terminated by server: 403/.test(message) ||
    /SASL mechanism .* is not provided/.test(message)
  ) {
    return new BrokerRefusedError(
      `RabbitMQ refused the credentials for ${address}; check RABBITMQ_USER and RABBITMQ_PASSWORD`,
      { cause },
    );
  }
  if (reason?.code !== replyCode.notAllowed || /limit/.test(reason.text)) return undefined;
  return new BrokerRefusedError(
    `RabbitMQ refused the virtual host of ${address}: ${reason.text}; check RABBITMQ_VIRTUAL_HOST and the user's ` +
      'permissions',
    { cause },
  );
}

/** The refusal behind a failed operation on a queue; undefined if the next attempt may succeed. */
export function queueRefusal(
  cause: unknown,
  queueName: string,
  address: string,
): BrokerRefusedError | undefined {
  switch (replyCodeOf(cause)) {
    case replyCode.accessRefused:
      return new BrokerRefusedError(
        `RabbitMQ refused access to queue "${queueName}" at ${address}: ${toError(cause).message}; docs/rabbitmq.md ` +
          'lists the permissions that a service needs',
        { cause },
      );
    case replyCode.notAllowed:
    case replyCode.preconditionFailed:
      return new BrokerRefusedError(
        `RabbitMQ refused queue "${queueName}" at ${address}: ${toError(cause).message}`,
        { cause },
      );
    default:
      return undefined;
  }
}
