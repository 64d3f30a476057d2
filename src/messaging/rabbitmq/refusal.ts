// Recognises permanent refusals, by AMQP reply code and by amqplib's error texts. Pure.
import { BrokerRefusedError, toError } from '../../errors.ts';

/** AMQP 0-9-1 reply codes, section "Constants" of the specification. */
export const replyCode = {
  accessRefused: 403,
  notFound: 404,
  preconditionFailed: 406,
  notAllowed: 530,
} as const;

/** The AMQP reply code of an error of amqplib, if it has one. */
export function replyCodeOf(error: unknown): number | undefined {
  if (error === null || typeof error !== 'object') return undefined;
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : undefined;
}

/**
 * The refusal behind a failed attempt to connect, if the next one must fail too: wrong credentials, or a virtual host
 * that does not exist or that the user may not access. Undefined if the next attempt may succeed.
 */
export function connectionRefusal(cause: unknown, address: string): BrokerRefusedError | undefined {
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
  // The close that answers connection.open carries the reason, but amqplib drops it.
  if (/Expected ConnectionOpenOk; got <ConnectionClose/.test(message)) {
    return new BrokerRefusedError(
      `RabbitMQ refused the virtual host of ${address}: it does not exist, or the user has no access to it, ` +
        "or its connection limit is reached; check RABBITMQ_VIRTUAL_HOST and the user's permissions",
      { cause },
    );
  }
  return undefined;
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
        `RabbitMQ refused access to queue "${queueName}" at ${address}: the user needs permission to ` +
          `configure, write and read it, and its "_retry_" and dead-letter queues`,
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
