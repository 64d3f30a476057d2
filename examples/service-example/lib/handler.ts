// The business logic of this service, independent of the host.
import { DeadLetterError, type MessageContext } from 'rococo-svchost';

/** Logs the message. A message may ask to fail once or to be rejected, so that the demo can show both. */
export function handleMessage(message: unknown, { attempt, log }: MessageContext): Promise<void> {
  log.info({ message }, `Received message to the child image!`);
  if (wishes(message, 'failOnce') && attempt === 1) throw new Error('failing once, as the message wishes');
  if (wishes(message, 'reject')) throw new DeadLetterError('this can never work, as the message says');
  return Promise.resolve();
}

function wishes(message: unknown, name: string): boolean {
  return message !== null && typeof message === 'object' && Reflect.get(message, name) === true;
}
