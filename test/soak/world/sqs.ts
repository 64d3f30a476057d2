// An SQS server behind a proxy that breaks calls.
import { SqsConnection } from '../../../src/messaging/sqs/connection.ts';
import { FaultProxy, type Fault as CallFault } from '../../messaging/sqs/fault-proxy.ts';
import { browse, sqsOptions } from '../../messaging/sqs/harness.ts';
import { credentials, region, startServer } from '../../messaging/sqs/server.ts';
import { testContext } from '../../support/context.ts';
import type { Fault } from '../plan.ts';
import { atOnce, type World } from '../world.ts';

const callFaults: readonly (CallFault & string)[] = [
  'error',
  'throttle',
  'cut',
  'cut-answer',
  'hang',
  'partial',
];

/** A new server. */
export async function sqsWorld(): Promise<World> {
  const server = await startServer();
  const proxy = await new FaultProxy(server.port).start();
  const direct = `http://127.0.0.1:${server.port}`;
  const envTo = (url: string) => ({
    MESSAGING_TYPE: 'SqsConnection',
    AWS_REGION: region,
    AWS_ENDPOINT_URL_SQS: url,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  });
  const faults: Fault[] = callFaults.map((fault) => ({
    name: `calls: ${fault}`,
    lastsMs: [500, 9000],
    // Half of the calls, chosen by the fault's own numbers.
    begin: (_, random) => {
      proxy.rule = () => (random.next() < 0.5 ? fault : 'pass');
      return Promise.resolve(() => {
        proxy.rule = () => 'pass';
      });
    },
  }));
  return {
    name: 'sqs',
    description: 'fauxqs behind a fault proxy',
    env: envTo(proxy.url),
    senderEnv: envTo(direct),
    faults: [...faults, { name: 'connections cut', begin: atOnce(() => proxy.reset()) }],
    adapter: () => new SqsConnection(sqsOptions(direct), testContext()),
    prepare: (queueName) => {
      // Shorter than the default of 30 s: what a dead host held comes back sooner.
      server.createQueue(queueName, { attributes: { VisibilityTimeout: '10' } });
      return Promise.resolve();
    },
    browse: (queueName) => Promise.resolve(browse(server, queueName)),
    async [Symbol.asyncDispose]() {
      proxy.close();
      await server.stop();
    },
  };
}
