// Tries the rights that a service will need, for its own queue, its retries and its dead letters, and leaves no trace: each
// request is one that the server refuses for another reason, once it has found the right.
import { headers as makeHeaders } from '@nats-io/transport-node';
import type { ConsumerInfo } from '@nats-io/jetstream';
import { toError } from '../../errors.ts';
import { missingRight } from './failure.ts';
import type { OpenLink } from './link.ts';
import { consumerName, copySubject, messageSubject, streamName } from './name.ts';
import { requestTimeoutMs } from './options.ts';

/** The queues that a service uses, as far as they exist. */
export interface RightsOptions {
  readonly queueName: string;
  readonly deadLetterQueueName: string;
  readonly hasStream: boolean;
  readonly hasDeadLetterStream: boolean;
  readonly consumer: ConsumerInfo | undefined;
}

/** No stream has this name. */
const noStream = 'svchost-asks';

/**
 * No request of JetStream, and no ack. It begins as JSON does: the server takes other text in a pull for a number of
 * messages, and one that is no number for 1.
 */
const nonsense = '{svchost-asks';

/** No message has this sequence. The server answers no ack of sequence 0. */
const noSequence = '9000000000000000000';

/** The rights that are missing, one line each, with the server's own sentence. */
export async function findMissingRights(
  { nc }: OpenLink,
  options: RightsOptions,
): Promise<readonly string[]> {
  const refusals = await Promise.all(
    subjectsToTry(options).map(async (subject) => {
      try {
        // Of the subjects, only those of queues look at this header: no message is stored.
        const headers = makeHeaders();
        headers.set('Nats-Expected-Stream', noStream);
        await nc.request(subject, nonsense, { timeout: requestTimeoutMs, headers });
        return undefined;
      } catch (error) {
        // Nobody listens: the right is there.
        const right = missingRight(error);
        return right === undefined ? undefined : `the user lacks ${right}: ${toError(error).message}`;
      }
    }),
  );
  return refusals.filter((refusal) => refusal !== undefined);
}

function subjectsToTry(options: RightsOptions): readonly string[] {
  const { queueName, deadLetterQueueName, hasStream, hasDeadLetterStream, consumer } = options;
  const stream = streamName(queueName);
  // Its name depends on when its stream is created.
  const name = consumer?.name ?? consumerName(new Date(0).toISOString());
  return [
    copySubject(queueName),
    messageSubject(deadLetterQueueName),
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`,
    `$JS.ACK.${stream}.${name}.1.${noSequence}.${noSequence}.0.0`,
    ...(hasStream ? [] : [`$JS.API.STREAM.CREATE.${stream}`]),
    ...(hasDeadLetterStream ? [] : [`$JS.API.STREAM.CREATE.${streamName(deadLetterQueueName)}`]),
    ...(consumer ? [] : [`$JS.API.CONSUMER.CREATE.${stream}.${name}`]),
  ];
}
